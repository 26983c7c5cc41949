# A role by which cloudaudit reads the settings of an account, and nothing else.
#
#   module "cloudaudit" {
#     source            = "./deploy/aws"
#     trusted_principal = "arn:aws:iam::111111111111:role/cloudaudit-server"
#     external_id       = var.cloudaudit_external_id
#   }

variable "trusted_principal" {
  description = "ARN of the role or user as which cloudaudit runs, or of the role of the parent account."
  type        = string
}

variable "external_id" {
  description = "The external id that cloudaudit gives: a long random text."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.external_id) >= 16
    error_message = "Make it at least 16 characters long."
  }
}

variable "role_name" {
  description = "Name of the role, the same in every account."
  type        = string
  default     = "cloudaudit"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [var.trusted_principal]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

resource "aws_iam_role" "cloudaudit" {
  name                 = var.role_name
  description          = "cloudaudit reads the settings of this account"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "read" {
  name   = "read"
  role   = aws_iam_role.cloudaudit.id
  policy = file("${path.module}/policy.json")
}

output "role_arn" {
  description = "The aws.roleArn of the account."
  value       = aws_iam_role.cloudaudit.arn
}
