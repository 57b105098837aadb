mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
}

variables {
  name                  = "copilot-trainer"
  instance_type         = "g5.12xlarge"
  ami_id                = "ami-0abcdef1234567890"
  allowed_jurisdictions = ["EU"]

  volumes = {
    tickets = { device_name = "/dev/sdf", size_gib = 500 }
  }

  taxonomy = {
    project           = "support-copilot"
    stage             = "fine-tuning"
    model             = "llama-3-70b"
    experiment_id     = "exp-2041"
    dataset           = "support-tickets"
    owner_team        = "nlp"
    cost_budget_limit = "20000"
  }
}

run "tags_arrive_everywhere" {
  command = plan

  assert {
    condition     = aws_instance.this.tags == tomap(merge(output.tags, { Name = "copilot-trainer" })) && output.tags["project"] == "support-copilot"
    error_message = "The instance does not carry the tags."
  }

  assert {
    condition     = aws_instance.this.root_block_device[0].tags == aws_instance.this.tags
    error_message = "The root volume does not carry the tags."
  }

  assert {
    condition     = aws_ebs_volume.this["tickets"].tags == tomap(merge(output.tags, { Name = "copilot-trainer-tickets" }))
    error_message = "A further volume does not carry the tags."
  }

  assert {
    condition     = aws_iam_role.this.tags == output.tags
    error_message = "The role does not carry the tags."
  }
}

run "what_nobody_has_to_ask_for" {
  command = plan

  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required"
    error_message = "IMDSv1 is on."
  }

  assert {
    condition     = aws_instance.this.root_block_device[0].encrypted && aws_instance.this.root_block_device[0].volume_type == "gp3"
    error_message = "The root volume is not an encrypted gp3."
  }

  assert {
    condition     = aws_ebs_volume.this["tickets"].encrypted && aws_ebs_volume.this["tickets"].type == "gp3"
    error_message = "A further volume is not an encrypted gp3."
  }

  assert {
    condition     = length(aws_instance.this.instance_market_options) == 0 && aws_instance.this.instance_initiated_shutdown_behavior == "stop"
    error_message = "Not an on-demand instance that stops."
  }

  assert {
    condition     = length(aws_iam_role_policy.checkpoint) == 0
    error_message = "The role may reach a bucket that nobody named."
  }
}

run "a_region_outside" {
  command = plan

  variables {
    allowed_jurisdictions = ["US", "UK"]
  }

  expect_failures = [aws_instance.this]
}

run "a_region_by_name" {
  command = plan

  variables {
    allowed_jurisdictions = ["US"]
    allowed_regions       = ["eu-central-1"]
  }

  assert {
    condition     = aws_instance.this.instance_type == "g5.12xlarge"
    error_message = "A region that is allowed by name is refused."
  }
}

run "nowhere_is_not_everywhere" {
  command = plan

  variables {
    allowed_jurisdictions = []
  }

  expect_failures = [var.allowed_jurisdictions]
}

run "a_jurisdiction_that_is_not_there" {
  command = plan

  variables {
    allowed_jurisdictions = ["EU", "Europe"]
  }

  expect_failures = [var.allowed_jurisdictions]
}

run "spot_saves_its_work" {
  command = plan

  variables {
    spot       = true
    checkpoint = { bucket = "checkpoints", prefix = "exp-2041/" }
  }

  assert {
    condition     = aws_instance.this.instance_market_options[0].market_type == "spot" && aws_instance.this.instance_initiated_shutdown_behavior == "terminate"
    error_message = "Not on spot capacity, or it is stopped."
  }

  assert {
    condition = flatten([for statement in jsondecode(aws_iam_role_policy.checkpoint[0].policy).Statement : statement.Resource]) == [
      "arn:aws:s3:::checkpoints",
      "arn:aws:s3:::checkpoints/exp-2041/*",
    ]
    error_message = "The role reaches more, or less, than its prefix of the bucket."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.checkpoint[0].policy).Statement[0].Condition.StringLike["s3:prefix"] == "exp-2041/*"
    error_message = "The role lists what others saved."
  }

  assert {
    condition     = output.checkpoint_uri == "s3://checkpoints/exp-2041/"
    error_message = "The workload is not told where to save."
  }
}

run "spot_without_a_checkpoint" {
  command = plan

  variables {
    spot = true
  }

  expect_failures = [var.spot]
}

run "spot_that_stops" {
  command = plan

  variables {
    spot       = true
    checkpoint = { bucket = "checkpoints" }
    shutdown   = "stop"
  }

  expect_failures = [var.shutdown]
}

run "a_capacity_block" {
  command = plan

  variables {
    instance_type  = "p5e.48xlarge"
    capacity_block = { id = "cr-0abcdef1234567890" }
  }

  assert {
    condition     = aws_instance.this.instance_market_options[0].market_type == "capacity-block" && length(aws_instance.this.instance_market_options[0].spot_options) == 0
    error_message = "Not in a capacity block."
  }

  assert {
    condition     = aws_instance.this.capacity_reservation_specification[0].capacity_reservation_target[0].capacity_reservation_id == "cr-0abcdef1234567890"
    error_message = "Not in the block that was named."
  }
}

run "a_capacity_block_is_no_spot_capacity" {
  command = plan

  variables {
    spot           = true
    checkpoint     = { bucket = "checkpoints" }
    capacity_block = { id = "cr-0abcdef1234567890" }
  }

  expect_failures = [var.capacity_block]
}
