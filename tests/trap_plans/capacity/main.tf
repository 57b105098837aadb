# Where the instance type, the number and the tags of instances hide. The addresses are named in ../README.md.

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

resource "aws_instance" "none" {
  count         = 0
  ami           = "ami-0abcdef1234567890"
  instance_type = "p5.48xlarge"
}

resource "aws_instance" "spot_market" {
  ami           = "ami-0abcdef1234567890"
  instance_type = "g5.12xlarge"

  instance_market_options {
    market_type = "spot"
  }
}

resource "aws_spot_instance_request" "tagged_request" {
  ami           = "ami-0abcdef1234567890"
  instance_type = "g5.12xlarge"
  tags          = { project = "defect-vision" }
}

resource "aws_launch_template" "gpu" {
  name          = "gpu"
  image_id      = "ami-0abcdef1234567890"
  instance_type = "p4d.24xlarge"
  tags          = { project = "of-the-template" }

  tag_specifications {
    resource_type = "instance"
    tags          = { project = "of-the-instances" }
  }

  tag_specifications {
    resource_type = "volume"
    tags          = { project = "of-the-volumes" }
  }
}

resource "aws_autoscaling_group" "template_by_id" {
  name               = "template-by-id"
  min_size           = 0
  max_size           = 4
  availability_zones = ["us-east-1a"]

  launch_template {
    id      = aws_launch_template.gpu.id
    version = "$Latest"
  }
}

resource "aws_autoscaling_group" "template_by_name" {
  name               = "template-by-name"
  min_size           = 1
  max_size           = 2
  availability_zones = ["us-east-1a"]

  launch_template {
    name    = aws_launch_template.gpu.name
    version = "$Latest"
  }

  tag {
    key                 = "project"
    value               = "stays-on-the-group"
    propagate_at_launch = false
  }
}

resource "aws_autoscaling_group" "mixed" {
  name               = "mixed"
  min_size           = 0
  desired_capacity   = 2
  max_size           = 8
  availability_zones = ["us-east-1a"]

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = 0
      on_demand_percentage_above_base_capacity = 0
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.gpu.id
        version            = "$Latest"
      }

      override { instance_type = "p5.48xlarge" }
      override { instance_type = "g5.12xlarge" }
    }
  }

  tag {
    key                 = "project"
    value               = "defect-vision"
    propagate_at_launch = true
  }
}

resource "aws_instance" "from_template" {
  launch_template {
    id = aws_launch_template.gpu.id
  }
}

resource "aws_eks_node_group" "gpu" {
  cluster_name    = "platform"
  node_group_name = "gpu"
  node_role_arn   = "arn:aws:iam::123456789012:role/node"
  subnet_ids      = ["subnet-0abcdef1234567890"]
  instance_types  = ["g5.12xlarge", "g6.12xlarge"]

  scaling_config {
    min_size     = 0
    desired_size = 1
    max_size     = 8
  }
}

resource "aws_sagemaker_endpoint_configuration" "two_variants" {
  name = "two-variants"

  production_variants {
    variant_name           = "current"
    model_name             = "current"
    initial_instance_count = 2
    instance_type          = "ml.g5.2xlarge"
  }

  production_variants {
    variant_name           = "candidate"
    model_name             = "candidate"
    initial_instance_count = 1
    instance_type          = "ml.p4d.24xlarge"
  }
}

resource "aws_ec2_capacity_block_reservation" "reserved" {
  capacity_block_offering_id = "cbo-0123456789abcdef0"
  instance_platform          = "Linux/UNIX"
}

resource "aws_bedrock_provisioned_model_throughput" "units" {
  provisioned_model_name = "units"
  model_arn              = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0:48k"
  model_units            = 2
}
