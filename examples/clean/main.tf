# What the modules make, and nothing by hand that they could make: the same organisation, and no finding.
#
#   support-copilot   team nlp   fine-tunes on spot capacity, and serves what came of it

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

locals {
  ami_id = "ami-0abcdef1234567890"

  training = {
    project           = "support-copilot"
    stage             = "fine-tuning"
    model             = "llama-3-70b"
    experiment_id     = "exp-2041"
    dataset           = "support-tickets"
    owner_team        = "nlp"
    cost_budget_limit = "2000"
  }
}

# Tags for what no module makes.
module "training_tags" {
  source   = "../../terraform_modules/taxonomy"
  taxonomy = local.training
}

resource "aws_s3_bucket" "checkpoints" {
  bucket = "example-copilot-checkpoints"
  tags   = module.training_tags.tags
}

module "trainer" {
  source = "../../terraform_modules/gpu-instance"

  name                  = "copilot-trainer"
  instance_type         = "g5.12xlarge"
  ami_id                = local.ami_id
  allowed_jurisdictions = ["US"]
  taxonomy              = local.training

  spot       = true
  checkpoint = { bucket = aws_s3_bucket.checkpoints.id, prefix = "exp-2041/" }

  volumes = {
    tickets = { device_name = "/dev/sdf", size_gib = 500 }
  }
}

module "serving" {
  source = "../../terraform_modules/gpu-asg"

  name          = "copilot-serving"
  instance_type = "g6.12xlarge"
  ami_id        = local.ami_id
  subnet_ids    = ["subnet-0abcdef1234567890"]
  min_size      = 1
  max_size      = 3

  taxonomy = {
    project           = "support-copilot"
    stage             = "inference"
    model             = "llama-3-8b"
    dataset           = "support-tickets"
    owner_team        = "nlp"
    cost_budget_limit = "12000"
  }
}
