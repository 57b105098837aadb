# What answers requests. Most of it is paid by the hour, whether anybody asks or not.

module "copilot_serving" {
  source = "../terraform_modules/gpu-asg"

  name             = "copilot-serving"
  instance_type    = "g6.12xlarge"
  ami_id           = var.ami_id
  subnet_ids       = ["subnet-0abcdef1234567890"]
  min_size         = 1
  desired_capacity = 2
  max_size         = 3

  taxonomy = {
    project           = "support-copilot"
    stage             = "inference"
    model             = "llama-3-8b"
    dataset           = "support-tickets"
    owner_team        = "nlp"
    cost_budget_limit = "12000"
  }
}

resource "aws_sagemaker_endpoint_configuration" "defects" {
  name = "defects"

  production_variants {
    variant_name           = "current"
    model_name             = "defects-v4"
    initial_instance_count = 2
    instance_type          = "ml.g5.2xlarge"
    initial_variant_weight = 0.9
  }

  production_variants {
    variant_name           = "candidate"
    model_name             = "defects-v5"
    initial_instance_count = 1
    instance_type          = "ml.p4d.24xlarge"
    initial_variant_weight = 0.1
  }

  tags = { project = "defect-vision", stage = "inference", owner-team = "vision" }
}

resource "aws_eks_node_group" "speech" {
  cluster_name    = "platform"
  node_group_name = "speech-gpu"
  node_role_arn   = aws_iam_role.gpu_node.arn
  subnet_ids      = ["subnet-0abcdef1234567890"]
  instance_types  = ["g5.12xlarge"]
  capacity_type   = "SPOT"

  scaling_config {
    min_size     = 0
    desired_size = 1
    max_size     = 8
  }

  tags = { project = "speech-notes", owner-team = "speech" }
}

# Model units are bought for a month at a time.
resource "aws_bedrock_provisioned_model_throughput" "copilot" {
  provisioned_model_name = "copilot"
  model_arn              = "arn:aws:bedrock:${var.region}::foundation-model/anthropic.claude-3-haiku-20240307-v1:0:48k"
  commitment_duration    = "OneMonth"
  model_units            = 2
  tags                   = module.copilot_serving.tags
}

# A profile that starts with "global." is answered from wherever there is capacity.
resource "aws_bedrock_inference_profile" "copilot" {
  name = "copilot"

  model_source {
    copy_from = "arn:aws:bedrock:${var.region}:123456789012:inference-profile/global.anthropic.claude-sonnet-4-20250514-v1:0"
  }

  tags = module.copilot_serving.tags
}
