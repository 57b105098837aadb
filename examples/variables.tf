variable "region" {
  type    = string
  default = "us-east-1"
}

variable "ami_id" {
  description = "Deep-learning image for every GPU instance."
  type        = string
  default     = "ami-0abcdef1234567890"
}

variable "workspaces" {
  description = "Workspaces: the team, the project that pays, what they work on, and the GPU they may use."
  type = map(object({
    team          = string
    project       = string
    model         = string
    dataset       = string
    instance_type = string
  }))

  default = {
    nlp = {
      team          = "nlp"
      project       = "support-copilot"
      model         = "llama-3-8b"
      dataset       = "support-tickets"
      instance_type = "g5.2xlarge"
    }
    "vis.1" = {
      team          = "vision"
      project       = "defect-vision"
      model         = "vit-large"
      dataset       = "defect-images"
      instance_type = "g5.12xlarge"
    }
  }
}
