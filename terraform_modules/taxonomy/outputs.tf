output "tags" {
  description = "Map for `tags` and `volume_tags` of AWS resources."
  value       = local.tags

  precondition {
    condition     = length(local.misfits.aws) == 0
    error_message = "Not for AWS: ${join("; ", local.misfits.aws)}. ${local.limits.aws.says}."
  }
}

output "aws_default_tags" {
  description = "Map for `default_tags` of the AWS provider: the taxonomy alone, since an extra tag such as Name is one resource's."
  value       = tomap(local.given)
}

output "asg_tags" {
  description = "The tags as a list of {key, value, propagate_at_launch}: an autoscaling group takes them as blocks."
  value       = [for key, value in local.tags : { key = key, value = value, propagate_at_launch = true }]
}

output "azurerm_tags" {
  description = "Map for `tags` of Azure resources."
  value       = local.tags

  precondition {
    condition     = length(local.misfits.azurerm) == 0
    error_message = "Not for Azure: ${join("; ", local.misfits.azurerm)}. ${local.limits.azurerm.says}."
  }
}

output "google_labels" {
  description = "Map for `labels` of Google resources. Nothing is rewritten to fit: a project in other letters is another project."
  value       = local.tags

  precondition {
    condition     = length(local.misfits.google) == 0
    error_message = "Not for Google: ${join("; ", local.misfits.google)}. ${local.limits.google.says}."
  }
}

output "kubernetes_labels" {
  description = "Map for `metadata.labels`: the tags whose values a label can hold."
  value = tomap({
    for key, value in local.tags : "${var.kubernetes_prefix}${key}" => value if can(regex(local.kubernetes_name, value))
  })

  precondition {
    condition     = length(local.misfits.kubernetes) == 0
    error_message = "Not for Kubernetes: ${join("; ", local.misfits.kubernetes)}. ${local.limits.kubernetes.says}."
  }
}

output "kubernetes_annotations" {
  description = "Map for `metadata.annotations`: the other tags."
  value = tomap({
    for key, value in local.tags : "${var.kubernetes_prefix}${key}" => value if !can(regex(local.kubernetes_name, value))
  })
}
