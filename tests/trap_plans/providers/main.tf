# Where a resource is, when no resource says so. The addresses are named in ../README.md.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# No region: it comes from AWS_REGION.
provider "aws" {}

locals {
  recovery_region = "eu-${"central"}-1"
}

provider "aws" {
  alias  = "recovery"
  region = local.recovery_region

  default_tags {
    tags = { tier = "recovery" }
  }
}

provider "aws" {
  alias  = "west"
  region = "us-west-2"
}

resource "aws_ebs_volume" "region_of_the_environment" {
  availability_zone = "us-east-1a"
  size              = 100
}

resource "aws_instance" "region_of_the_environment" {
  ami           = "ami-0abcdef1234567890"
  instance_type = "g5.xlarge"
}

resource "aws_ebs_volume" "region_of_a_local" {
  provider          = aws.recovery
  availability_zone = "eu-central-1a"
  size              = 100
}

resource "aws_instance" "region_of_a_local" {
  provider      = aws.recovery
  ami           = "ami-0abcdef1234567890"
  instance_type = "p4d.24xlarge"
}

data "aws_region" "recovery" {
  provider = aws.recovery
}

data "aws_default_tags" "recovery" {
  provider = aws.recovery
}

module "cluster" {
  source   = "./modules/cluster"
  for_each = { nlp = "g5.xlarge", "vis.1" = "p5.48xlarge" }

  instance_type = each.value

  providers = {
    aws        = aws.west
    aws.backup = aws.recovery
  }
}
