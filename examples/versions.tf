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
  region = var.region

  default_tags {
    tags = { managed-by = "terraform" }
  }
}

# Where copies of datasets go.
provider "aws" {
  alias  = "replica"
  region = "eu-west-1"

  default_tags {
    tags = { managed-by = "terraform" }
  }
}
