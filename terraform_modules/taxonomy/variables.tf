variable "extra_tags" {
  description = "Further tags. They cannot replace the taxonomy, nor stand in for a tag of it under another name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for key in keys(var.extra_tags) : alltrue([
        for tag, names in local.read_as :
        contains(keys(local.given), tag) || !contains(names, lower(replace(key, "/[\\s_-]+/", "")))
      ])
    ])
    error_message = "extra_tags: a key reads like a tag of the taxonomy that has no value. Give it in taxonomy."
  }
}

variable "clouds" {
  description = "Clouds whose limits the tags have to meet while Terraform plans: aws, azurerm, google, kubernetes. A cloud that is not listed refuses them itself, at apply."
  type        = set(string)
  default     = ["aws"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.clouds, keys(local.limits))) == 0
    error_message = "clouds: there are ${join(", ", keys(local.limits))}."
  }
}

variable "kubernetes_prefix" {
  description = "What stands before each key of a Kubernetes label or annotation: `cost.example.com/`."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.kubernetes_prefix == "" || can(regex("^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/$", var.kubernetes_prefix))
    error_message = "kubernetes_prefix: a DNS name and a slash, such as cost.example.com/."
  }
}
