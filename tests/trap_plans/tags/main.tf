# Every way in which a tag can be less than it looks. The addresses are named in ../README.md.

terraform {
  required_version = ">= 1.11" # write-only arguments

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

locals {
  organisation = { org = "example", environment = "test" }
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = merge(local.organisation, { managed-by = "terraform" })
  }
}

provider "aws" {
  alias  = "plain"
  region = "us-east-1"
}

variable "cost_centre" {
  type      = string
  default   = "cost-centre-that-nobody-may-print"
  sensitive = true
}

variable "parameter" {
  type      = string
  default   = "parameter-that-nobody-may-print"
  sensitive = true
}

resource "terraform_data" "later" {
  input = { project = "known-after-apply" }
}

resource "aws_ebs_volume" "untagged" {
  provider          = aws.plain
  availability_zone = "us-east-1a"
  size              = 100
}

resource "aws_ebs_volume" "untagged_with_defaults" {
  availability_zone = "us-east-1a"
  size              = 100
}

resource "aws_iam_user" "untagged" {
  provider = aws.plain
  name     = "untagged"
}

resource "aws_bedrock_provisioned_model_throughput" "untagged" {
  provider               = aws.plain
  provisioned_model_name = "untagged"
  model_arn              = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0:48k"
  model_units            = 1
}

resource "aws_instance" "one_value_unknown" {
  ami           = "ami-0abcdef1234567890"
  instance_type = "g5.xlarge"
  tags          = { project = terraform_data.later.id, owner-team = "nlp" }
}

resource "aws_bedrock_provisioned_model_throughput" "one_value_unknown" {
  provisioned_model_name = "one-value-unknown"
  model_arn              = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0:48k"
  model_units            = 1
  tags                   = { project = terraform_data.later.id, owner-team = "nlp" }
}

resource "aws_instance" "whole_map_unknown" {
  ami           = "ami-0abcdef1234567890"
  instance_type = "g5.xlarge"
  tags          = terraform_data.later.output
}

resource "aws_instance" "null_value" {
  ami           = "ami-0abcdef1234567890"
  instance_type = "g5.xlarge"
  tags          = { project = null, owner-team = "nlp" }
}

resource "aws_instance" "empty_value" {
  ami           = "ami-0abcdef1234567890"
  instance_type = "g5.xlarge"
  tags          = { project = "", owner-team = "nlp" }
}

resource "aws_instance" "null_value_without_defaults" {
  provider      = aws.plain
  ami           = "ami-0abcdef1234567890"
  instance_type = "g5.xlarge"
  tags          = { project = null, owner-team = "nlp" }
}

resource "aws_instance" "empty_value_without_defaults" {
  provider      = aws.plain
  ami           = "ami-0abcdef1234567890"
  instance_type = "g5.xlarge"
  tags          = { project = "", owner-team = "nlp" }
}

resource "aws_instance" "sensitive_value" {
  ami           = "ami-0abcdef1234567890"
  instance_type = "g5.xlarge"
  tags          = { project = "support-copilot", cost-centre = var.cost_centre }
}

resource "aws_instance" "sensitive_map" {
  ami           = "ami-0abcdef1234567890"
  instance_type = "g5.xlarge"
  tags          = sensitive({ project = "support-copilot", cost-centre = "map-that-nobody-may-print" })
}

resource "aws_ssm_parameter" "write_only" {
  name             = "/example/parameter"
  type             = "SecureString"
  value_wo         = var.parameter
  value_wo_version = 1
}

output "secret" {
  value     = var.parameter
  sensitive = true
}
