terraform {
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      configuration_aliases = [aws.kept, aws.copies]
    }
  }
}

variable "broken" {
  description = "What is done otherwise than it should be."
  default     = {}

  type = object({
    taxonomy      = optional(map(string), {}) # of the trainer
    instance_type = optional(string, "g5.12xlarge")
    user_data     = optional(string)
    bucket_tags   = optional(map(string), {}) # null: left out
    propagate     = optional(bool, true)
    model         = optional(string, "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0")
    key_of        = optional(string, "nightly")
  })
}

locals {
  taxonomy = {
    project           = "atlas"
    stage             = "fine-tuning"
    model             = "llama-3-8b"
    experiment_id     = "exp-1"
    dataset           = "support-tickets"
    owner_team        = "nlp"
    cost_budget_limit = "20000"
  }
}

module "tags" {
  source   = "../../../terraform_modules/taxonomy"
  taxonomy = local.taxonomy
}

module "trainer" {
  source = "../../../terraform_modules/gpu-instance"

  name            = "trainer"
  instance_type   = var.broken.instance_type
  ami_id          = "ami-0abcdef1234567890"
  allowed_regions = ["us-east-1"]
  taxonomy        = merge(local.taxonomy, var.broken.taxonomy)
  user_data       = var.broken.user_data
  spot            = true
  checkpoint      = { bucket = aws_s3_bucket.checkpoints.id }
  volumes         = { tickets = { device_name = "/dev/sdf", size_gib = 500 } }
}

resource "aws_s3_bucket" "checkpoints" {
  provider = aws.kept
  bucket   = "checkpoints"
  tags     = { for key, value in merge(module.tags.tags, var.broken.bucket_tags) : key => value if value != null }
}

resource "aws_s3_bucket" "copy" {
  provider = aws.copies
  bucket   = "checkpoints-copy"
  tags     = merge(module.tags.tags, { dataset = "open-data" })
}

resource "aws_s3_bucket_replication_configuration" "checkpoints" {
  provider = aws.kept
  bucket   = aws_s3_bucket.checkpoints.id
  role     = "arn:aws:iam::123456789012:role/replication"

  rule {
    status = "Enabled"

    destination {
      bucket = aws_s3_bucket.copy.arn
    }
  }
}

resource "aws_launch_template" "batch" {
  image_id      = "ami-0abcdef1234567890"
  instance_type = "g5.xlarge"
}

resource "aws_autoscaling_group" "batch" {
  name               = "batch"
  min_size           = 0
  desired_capacity   = 1
  max_size           = 1
  availability_zones = ["us-east-1a"]

  launch_template {
    id = aws_launch_template.batch.id
  }

  dynamic "tag" {
    for_each = module.tags.asg_tags
    content {
      key                 = tag.value.key
      value               = tag.value.value
      propagate_at_launch = tag.value.propagate_at_launch && var.broken.propagate
    }
  }
}

resource "aws_bedrock_inference_profile" "chat" {
  name = "chat"
  tags = module.tags.tags

  model_source {
    copy_from = var.broken.model
  }
}

resource "aws_iam_access_key" "nightly" {
  user = var.broken.key_of
}
