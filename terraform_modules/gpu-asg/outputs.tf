output "autoscaling_group_name" {
  description = "Name of the group."
  value       = aws_autoscaling_group.this.name
}

output "launch_template_id" {
  description = "Id of the template that the instances start from."
  value       = aws_launch_template.this.id
}

output "tags" {
  description = "The tags that group, template, instances and volumes carry, for what else belongs to the workload."
  value       = module.tags.tags
}
