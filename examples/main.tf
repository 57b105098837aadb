# A small AI platform: three projects, three teams, and the mistakes that such platforms make.
#
#   support-copilot   team nlp      fine-tunes and serves a language model on customer tickets
#   defect-vision     team vision   trains an image model for a production line
#   speech-notes      team speech   evaluates transcription models
#
# Here: what computes. In serving.tf: what answers. In datasets.tf: what is read. In access.tf: who may call.

# Done right: no finding here, nor in copilot_serving and the workspaces. The folder clean/ has nothing else.
module "copilot_trainer" {
  source = "../terraform_modules/gpu-instance"
  count  = 2

  name                  = "copilot-trainer-${count.index}"
  instance_type         = "g5.12xlarge"
  ami_id                = var.ami_id
  allowed_jurisdictions = ["US"]

  taxonomy = {
    project           = "support-copilot"
    stage             = "fine-tuning"
    model             = "llama-3-70b"
    experiment_id     = "exp-2041"
    dataset           = "support-tickets"
    owner_team        = "nlp"
    cost_budget_limit = "20000"
  }
}

# Somebody needed eight H100 over the weekend.
resource "aws_instance" "weekend_run" {
  ami           = var.ami_id
  instance_type = "p5.48xlarge"

  root_block_device {
    volume_size = 500
    volume_type = "gp3"
  }
}

# Tagged with care, and with names that no report will ever find: Project, owner_team.
resource "aws_instance" "vision_trainer" {
  ami           = var.ami_id
  instance_type = "p4d.24xlarge"

  tags = {
    Project           = "defect-vision"
    stage             = "fine-tuning"
    model             = "vit-large"
    experiment-id     = "exp-3107"
    dataset           = "defect-images"
    owner_team        = "vision"
    cost-budget-limit = "15000"
  }
}

# The experiment gets its id when it is created: until then nobody knows this instance's tags.
resource "terraform_data" "experiment" {
  input = { project = "speech-notes" }
}

resource "aws_instance" "speech_evaluation" {
  ami           = var.ami_id
  instance_type = "g6.12xlarge"

  tags = {
    project           = "speech-notes"
    stage             = "evaluation"
    model             = "whisper-large-v3"
    experiment-id     = terraform_data.experiment.id
    dataset           = "call-recordings"
    owner-team        = "speech"
    cost-budget-limit = "2000"
  }
}

# Sold in capacity blocks only: no price by the hour, so no cost can be stated.
resource "aws_instance" "copilot_scale_test" {
  ami           = var.ami_id
  instance_type = "p5e.48xlarge"
  tags          = module.copilot_trainer[0].tags
}

# Tags of a spot request stay on the request: the instance that it starts has none.
resource "aws_spot_instance_request" "vision_sweep" {
  ami           = var.ami_id
  instance_type = "g5.48xlarge"

  tags = {
    project           = "defect-vision"
    stage             = "evaluation"
    model             = "vit-large"
    experiment-id     = "exp-3108"
    dataset           = "defect-images"
    owner-team        = "vision"
    cost-budget-limit = "4000"
  }
}

# Grows from one instance to sixteen, past its own limit, and keeps four of its seven tags to itself.
resource "aws_launch_template" "vision_batch" {
  name_prefix   = "vision-batch-"
  image_id      = var.ami_id
  instance_type = "g5.12xlarge"
}

resource "aws_autoscaling_group" "vision_batch" {
  name               = "vision-batch"
  min_size           = 0
  desired_capacity   = 1
  max_size           = 16
  availability_zones = ["${var.region}a"]

  launch_template {
    id      = aws_launch_template.vision_batch.id
    version = "$Latest"
  }

  dynamic "tag" {
    for_each = {
      project           = { value = "defect-vision", propagate = true }
      stage             = { value = "fine-tuning", propagate = true }
      model             = { value = "vit-large", propagate = true }
      experiment-id     = { value = "exp-3107", propagate = false }
      dataset           = { value = "defect-images", propagate = false }
      owner-team        = { value = "vision", propagate = false }
      cost-budget-limit = { value = "12000", propagate = false }
    }
    content {
      key                 = tag.key
      value               = tag.value.value
      propagate_at_launch = tag.value.propagate
    }
  }
}

# One workspace for each entry; a key may hold a dot.
module "workspace" {
  source   = "./modules/team-workspace"
  for_each = var.workspaces

  name          = each.key
  team          = each.value.team
  project       = each.value.project
  model         = each.value.model
  dataset       = each.value.dataset
  instance_type = each.value.instance_type
  ami_id        = var.ami_id
}
