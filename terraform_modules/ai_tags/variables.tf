variable "project" {
  description = "Project that pays, as budgets name it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,62}$", var.project))
    error_message = "project is lower case: letters, digits and hyphens, 2 to 63 characters."
  }
}

variable "stage" {
  description = "What the money buys: fine-tuning, inference or evaluation."
  type        = string

  validation {
    condition     = contains(concat(["fine-tuning", "inference", "evaluation"], var.extra_stages), var.stage)
    error_message = "stage is one of ${join(", ", concat(["fine-tuning", "inference", "evaluation"], var.extra_stages))}."
  }
}

variable "extra_stages" {
  description = "Stages that your organisation has next to the three."
  type        = list(string)
  default     = []
}

variable "model" {
  description = "Model that is trained or served: llama-3-70b."
  type        = string

  validation {
    condition     = trimspace(var.model) != ""
    error_message = "model is not empty."
  }
}

variable "experiment_id" {
  description = "Experiment the run belongs to. Inference may go without; its tag is then left out."
  type        = string
  default     = null

  validation {
    condition     = var.stage == "inference" || try(trimspace(var.experiment_id), "") != ""
    error_message = "experiment_id may be left out for inference only."
  }
}

variable "dataset" {
  description = "Dataset that is read: residency rules hang on it."
  type        = string

  validation {
    condition     = trimspace(var.dataset) != ""
    error_message = "dataset is not empty."
  }
}

variable "owner_team" {
  description = "Team that answers for the resource."
  type        = string

  validation {
    condition     = trimspace(var.owner_team) != ""
    error_message = "owner_team is not empty."
  }
}

variable "cost_budget_limit" {
  description = "USD per month that this resource may cost: 5000, 5000.50 or 5000-usd-month."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+([.][0-9]{1,2})?(-(usd|USD)-month)?$", var.cost_budget_limit))
    error_message = "cost_budget_limit is an amount in USD per month: 5000, 5000.50 or 5000-usd-month."
  }
}

variable "extra_tags" {
  description = "Further tags. They cannot replace the taxonomy."
  type        = map(string)
  default     = {}
}
