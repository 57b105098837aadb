terraform {
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      configuration_aliases = [aws.backup]
    }
  }
}

variable "instance_type" { type = string }

module "nodes" {
  source        = "./nodes"
  instance_type = var.instance_type
}

module "backup_nodes" {
  source        = "./nodes"
  instance_type = var.instance_type

  providers = {
    aws = aws.backup
  }
}
