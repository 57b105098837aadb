# A plan that failed half way: what was planned until then is in it, and it says errored. See ../README.md.

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

resource "aws_instance" "planned" {
  ami           = "ami-0abcdef1234567890"
  instance_type = "p5.48xlarge"
}

resource "aws_instance" "refused" {
  ami           = "ami-0abcdef1234567890"
  instance_type = "p4d.24xlarge"

  lifecycle {
    precondition {
      condition     = startswith(aws_instance.planned.instance_type, "g5.")
      error_message = "Only g5 instances are allowed."
    }
  }
}
