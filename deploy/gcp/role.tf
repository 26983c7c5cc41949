# Roles by which cloudaudit reads a project, a folder or an organization, and nothing else.
#
#   module "cloudaudit" {
#     source          = "./deploy/gcp"
#     scope           = "organizations/123456789012"
#     organization_id = "123456789012"
#     member          = "serviceAccount:cloudaudit@audit-1.iam.gserviceaccount.com"
#     quota_project   = "audit-1"
#   }

variable "scope" {
  description = "The gcp.scope of the account."
  type        = string

  validation {
    condition     = can(regex("^(projects|folders|organizations)/[a-z0-9:.-]+$", var.scope))
    error_message = "Write projects/ID, folders/NUMBER or organizations/NUMBER."
  }
}

variable "organization_id" {
  description = "The organization that holds the role, by its number. Only a project can do without: it holds the role itself then."
  type        = string
  default     = ""
}

variable "member" {
  description = "Who cloudaudit is: serviceAccount:NAME@PROJECT.iam.gserviceaccount.com, or a principal of workload identity federation."
  type        = string
}

variable "quota_project" {
  description = "The gcp.quotaProject of the account."
  type        = string
}

locals {
  kind  = split("/", var.scope)[0]
  id    = split("/", var.scope)[1]
  read  = yamldecode(file("${path.module}/${local.kind == "organizations" ? "role.yaml" : "project-role.yaml"}"))
  quota = yamldecode(file("${path.module}/quota-role.yaml"))
  role  = one(concat(google_organization_iam_custom_role.read[*].name, google_project_iam_custom_role.read[*].name))
}

resource "google_organization_iam_custom_role" "read" {
  count       = var.organization_id == "" ? 0 : 1
  org_id      = var.organization_id
  role_id     = "cloudaudit"
  title       = local.read.title
  description = local.read.description
  permissions = local.read.includedPermissions
}

resource "google_project_iam_custom_role" "read" {
  count       = var.organization_id == "" ? 1 : 0
  project     = local.id
  role_id     = "cloudaudit"
  title       = local.read.title
  description = local.read.description
  permissions = local.read.includedPermissions
}

resource "google_organization_iam_member" "read" {
  count  = local.kind == "organizations" ? 1 : 0
  org_id = local.id
  role   = local.role
  member = var.member
}

resource "google_folder_iam_member" "read" {
  count  = local.kind == "folders" ? 1 : 0
  folder = var.scope
  role   = local.role
  member = var.member
}

resource "google_project_iam_member" "read" {
  count   = local.kind == "projects" ? 1 : 0
  project = local.id
  role    = local.role
  member  = var.member
}

resource "google_project_service" "asset" {
  project            = var.quota_project
  service            = "cloudasset.googleapis.com"
  disable_on_destroy = false
}

resource "google_project_iam_custom_role" "quota" {
  project     = var.quota_project
  role_id     = "cloudauditQuota"
  title       = local.quota.title
  description = local.quota.description
  permissions = local.quota.includedPermissions
}

resource "google_project_iam_member" "quota" {
  project = var.quota_project
  role    = google_project_iam_custom_role.quota.name
  member  = var.member
}
