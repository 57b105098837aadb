mock_provider "aws" {}

variables {
  name          = "copilot-serving"
  instance_type = "g6.12xlarge"
  ami_id        = "ami-0abcdef1234567890"
  subnet_ids    = ["subnet-0abcdef1234567890"]
  max_size      = 4

  taxonomy = {
    project           = "support-copilot"
    stage             = "inference"
    model             = "llama-3-8b"
    dataset           = "support-tickets"
    owner_team        = "nlp"
    cost_budget_limit = "12000"
  }
}

run "tags_arrive_everywhere" {
  command = plan

  assert {
    condition = { for spec in aws_launch_template.this.tag_specifications : spec.resource_type => spec.tags } == {
      instance = tomap(merge({ Name = "copilot-serving" }, output.tags))
      volume   = tomap(merge({ Name = "copilot-serving" }, output.tags))
    }
    error_message = "Instances or volumes do not get the tags."
  }

  assert {
    condition     = tomap({ for tag in aws_autoscaling_group.this.tag : tag.key => tag.value if tag.propagate_at_launch }) == output.tags
    error_message = "The group does not hand on its tags."
  }

  assert {
    condition     = aws_launch_template.this.tags == output.tags && output.tags["project"] == "support-copilot"
    error_message = "The template does not carry the tags."
  }
}

run "starts_with_the_least_it_runs" {
  command = plan

  variables {
    min_size = 2
  }

  assert {
    condition     = aws_autoscaling_group.this.desired_capacity == 2
    error_message = "How many instances start is not known."
  }
}

run "extra_tags_reach_the_instances" {
  command = plan

  variables {
    extra_tags = { managed-by = "terraform" }
  }

  assert {
    condition     = contains([for tag in aws_autoscaling_group.this.tag : "${tag.key}=${tag.value}" if tag.propagate_at_launch], "managed-by=terraform")
    error_message = "An extra tag is lost."
  }
}

run "signed_metadata_requests_only" {
  command = plan

  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required"
    error_message = "IMDSv1 is on."
  }
}

run "on_demand_unless_asked" {
  command = plan

  assert {
    condition     = length(aws_launch_template.this.instance_market_options) == 0
    error_message = "Spot capacity that nobody asked for."
  }
}

run "spot" {
  command = plan

  variables {
    spot = true
  }

  assert {
    condition     = aws_launch_template.this.instance_market_options[0].market_type == "spot"
    error_message = "Not on spot capacity."
  }
}
