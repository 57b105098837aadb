# Every action a plan can hold, over what before/main.tf applied. The addresses are named in ../README.md.

terraform {
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

variable "adopted_volume" {
  type = string
}

# Another type is an update in place.
resource "aws_instance" "grows" {
  ami           = "ami-12c6146b"
  instance_type = "p5.48xlarge"
  tags          = { project = "support-copilot" }
}

# Another image is a replacement.
resource "aws_instance" "replaced" {
  ami           = "ami-03cf127a"
  instance_type = "p4d.24xlarge"
  tags          = { project = "support-copilot" }
}

# Terminated by hand: planned as a creation, and told as drift.
resource "aws_instance" "gone" {
  ami           = "ami-12c6146b"
  instance_type = "g5.xlarge"
  tags          = { project = "support-copilot" }
}

resource "aws_ebs_volume" "replaced_create_first" {
  availability_zone = "us-east-1b"
  size              = 100

  lifecycle {
    create_before_destroy = true
  }
}

moved {
  from = aws_ebs_volume.old_name
  to   = aws_ebs_volume.new_name
}

resource "aws_ebs_volume" "new_name" {
  availability_zone = "us-east-1a"
  size              = 100
}

removed {
  from = aws_ebs_volume.forgotten

  lifecycle {
    destroy = false
  }
}

resource "aws_ebs_volume" "shrinking" {
  count             = 1
  availability_zone = "us-east-1a"
  size              = 100
}

import {
  to = aws_ebs_volume.adopted
  id = var.adopted_volume
}

resource "aws_ebs_volume" "adopted" {
  availability_zone = "us-east-1a"
  size              = 100
  tags              = { project = "support-copilot" }
}

# New, and yet its reason for the action speaks of a replacement.
resource "aws_ebs_volume" "new_with_trigger" {
  availability_zone = "us-east-1a"
  size              = 100

  lifecycle {
    replace_triggered_by = [aws_instance.replaced]
  }
}

# Read while applying: it asks for something that does not exist yet.
data "aws_iam_policy_document" "read_later" {
  statement {
    actions   = ["ec2:StopInstances"]
    resources = [aws_instance.replaced.arn]
  }
}
