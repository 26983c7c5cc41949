# A role by which cloudaudit reads the settings of a subscription or management group, and nothing else.
#
#   module "cloudaudit" {
#     source       = "./deploy/azure"
#     scope        = "/subscriptions/11111111-1111-1111-1111-111111111111"
#     principal_id = azurerm_user_assigned_identity.cloudaudit.principal_id
#   }

variable "scope" {
  description = "Id of the subscription or management group to read."
  type        = string
}

variable "principal_id" {
  description = "Object id of the service principal or managed identity as which cloudaudit runs."
  type        = string
}

variable "role_name" {
  description = "Name of the role; it is the tenant's, so that two scopes need two names."
  type        = string
  default     = "cloudaudit"
}

locals {
  role = jsondecode(file("${path.module}/role.json"))
}

resource "azurerm_role_definition" "cloudaudit" {
  name              = var.role_name
  description       = local.role.Description
  scope             = var.scope
  assignable_scopes = [var.scope]

  permissions {
    actions     = local.role.Actions
    not_actions = local.role.NotActions
  }
}

resource "azurerm_role_assignment" "cloudaudit" {
  scope              = var.scope
  role_definition_id = azurerm_role_definition.cloudaudit.role_definition_resource_id
  principal_id       = var.principal_id
}
