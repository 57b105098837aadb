variable "name" { type = string }
variable "team" { type = string }
variable "project" { type = string }
variable "model" { type = string }
variable "dataset" { type = string }
variable "instance_type" { type = string }
variable "ami_id" { type = string }

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

module "tags" {
  source = "../../../terraform_modules/taxonomy"

  taxonomy = {
    project           = var.project
    stage             = "evaluation"
    model             = var.model
    experiment_id     = "workspace-${var.name}"
    dataset           = var.dataset
    owner_team        = var.team
    cost_budget_limit = "1500"
  }
}

resource "aws_instance" "workbench" {
  ami           = var.ami_id
  instance_type = var.instance_type
  tags          = merge(module.tags.tags, { Name = "workbench-${var.name}" })
  volume_tags   = module.tags.tags
}
