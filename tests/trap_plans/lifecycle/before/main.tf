# What was applied before ../main.tf was planned.

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

resource "aws_instance" "grows" {
  ami           = "ami-12c6146b"
  instance_type = "g5.xlarge"
  tags          = { project = "support-copilot" }
}

resource "aws_instance" "replaced" {
  ami           = "ami-12c6146b"
  instance_type = "g5.xlarge"
  tags          = { project = "support-copilot" }
}

resource "aws_instance" "gone" {
  ami           = "ami-12c6146b"
  instance_type = "g5.xlarge"
  tags          = { project = "support-copilot" }
}

resource "aws_ebs_volume" "replaced_create_first" {
  availability_zone = "us-east-1a"
  size              = 100

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_ebs_volume" "old_name" {
  availability_zone = "us-east-1a"
  size              = 100
}

resource "aws_ebs_volume" "forgotten" {
  availability_zone = "us-east-1a"
  size              = 100
}

resource "aws_ebs_volume" "removed" {
  availability_zone = "us-east-1a"
  size              = 100
}

resource "aws_ebs_volume" "shrinking" {
  count             = 2
  availability_zone = "us-east-1a"
  size              = 100
}

# Taken out of the state, so that ../main.tf can import it.
resource "aws_ebs_volume" "adopted" {
  availability_zone = "us-east-1a"
  size              = 100
}
