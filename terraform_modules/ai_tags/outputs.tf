output "tags" {
  description = "Map for `tags = …` and for `default_tags`."
  value       = local.tags
}

output "asg_tags" {
  description = "The same as a list of {key, value, propagate_at_launch}: an autoscaling group takes its tags as blocks."
  value = [
    for key, value in local.tags : { key = key, value = value, propagate_at_launch = true }
  ]
}
