variable "region" {
  type    = string
  default = "us-east-1"
}

variable "ami_id" {
  description = "Deep-learning image for every GPU instance."
  type        = string
  default     = "ami-0abcdef1234567890"
}

variable "teams" {
  description = "Teams with a workspace: the project that pays, its dataset, and the GPU they may use."
  type        = map(object({ project = string, model = string, dataset = string, instance_type = string }))

  default = {
    nlp     = { project = "support-copilot", model = "llama-3-8b", dataset = "support-tickets-eu", instance_type = "g5.2xlarge" }
    "vis.1" = { project = "defect-vision", model = "vit-large", dataset = "defect-images", instance_type = "g5.12xlarge" }
  }
}
