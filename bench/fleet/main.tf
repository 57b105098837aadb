# A fleet as it stands after a year: applied, then planned with `grown = true`, which adds a few things and changes one.
# `make bench` repeats its plan to the size it measures.

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

  default_tags {
    tags = { managed-by = "terraform" }
  }
}

variable "grown" {
  type    = bool
  default = false
}

locals {
  ami = "ami-12c6146b"
}

module "tags" {
  source   = "../../terraform_modules/taxonomy"
  for_each = { atlas = "fine-tuning", borealis = "inference", vision = "evaluation" }

  taxonomy = {
    project           = each.key
    stage             = each.value
    model             = "llama-3-8b"
    experiment_id     = "exp-1"
    dataset           = "tickets"
    owner_team        = "nlp"
    cost_budget_limit = "20000"
  }
}

resource "aws_vpc" "fleet" {
  cidr_block = "10.20.0.0/16"
}

resource "aws_subnet" "fleet" {
  vpc_id            = aws_vpc.fleet.id
  cidr_block        = "10.20.1.0/24"
  availability_zone = "us-east-1a"
}

resource "aws_instance" "trainer" {
  count = 6

  ami           = local.ami
  instance_type = "g5.12xlarge"
  subnet_id     = aws_subnet.fleet.id
  tags          = merge(module.tags["atlas"].tags, { Name = "trainer-${count.index}" })
  volume_tags   = module.tags["atlas"].tags
}

resource "aws_instance" "server" {
  for_each = toset(["a", "b", "c", "d"])

  ami           = local.ami
  instance_type = each.key == "a" && var.grown ? "g5.xlarge" : "g5.2xlarge"
  subnet_id     = aws_subnet.fleet.id
  tags          = merge(module.tags["borealis"].tags, { Name = "server-${each.key}" })
}

resource "aws_instance" "bastion" {
  ami           = local.ami
  instance_type = "t3.micro"
  subnet_id     = aws_subnet.fleet.id
  tags          = { project = "atlas", owner-team = "nlp", stage = "inference", cost-budget-limit = "100" }
}

# What every fleet has: somebody's experiment without a name.
resource "aws_instance" "forgotten" {
  count = var.grown ? 2 : 1

  ami           = local.ami
  instance_type = "p5.48xlarge"
  subnet_id     = aws_subnet.fleet.id
  tags          = { team = "vision" }
}

resource "aws_ebs_volume" "dataset" {
  count = 5

  availability_zone = "us-east-1a"
  size              = 500
  type              = "gp3"
  tags              = module.tags["vision"].tags
}

resource "aws_s3_bucket" "dataset" {
  for_each = toset(["tickets", "images", "recordings"])

  bucket = "fleet-${each.key}"
  tags   = module.tags["atlas"].tags
}

resource "aws_launch_template" "batch" {
  name          = "batch"
  image_id      = local.ami
  instance_type = "g6.12xlarge"

  tag_specifications {
    resource_type = "instance"
    tags          = module.tags["vision"].tags
  }
}

resource "aws_autoscaling_group" "batch" {
  name                = "batch"
  min_size            = 0
  desired_capacity    = 1
  max_size            = 4
  vpc_zone_identifier = [aws_subnet.fleet.id]

  launch_template {
    id      = aws_launch_template.batch.id
    version = "$Latest"
  }

  dynamic "tag" {
    for_each = module.tags["vision"].tags

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }
}

resource "aws_ebs_volume" "scratch" {
  count = var.grown ? 1 : 0

  availability_zone = "us-east-1a"
  size              = 2000
  type              = "io2"
  iops              = 8000
}
