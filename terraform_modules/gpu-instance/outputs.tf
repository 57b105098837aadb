output "instance_id" {
  description = "Id of the instance."
  value       = aws_instance.this.id
}

output "volume_ids" {
  description = "Ids of the further volumes, by name."
  value       = { for name, volume in aws_ebs_volume.this : name => volume.id }
}

output "role_name" {
  description = "Role that the instance acts as, for further policies."
  value       = aws_iam_role.this.name
}

output "checkpoint_uri" {
  description = "Where the workload saves its work: s3://bucket/prefix. Null without a checkpoint."
  value       = var.checkpoint == null ? null : "s3://${var.checkpoint.bucket}/${var.checkpoint.prefix}"
}

output "tags" {
  description = "The tags that instance, volumes and role carry, for what else belongs to the workload."
  value       = module.tags.tags
}
