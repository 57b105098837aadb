variable "name" {
  description = "Name of the instance, and prefix of its role's."
  type        = string
}

variable "instance_type" {
  description = "GPU instance type: g5.12xlarge."
  type        = string
}

variable "ami_id" {
  description = "Image the instance starts from."
  type        = string
}

variable "subnet_id" {
  description = "Subnet the instance runs in. Null: the default VPC's."
  type        = string
  default     = null
}

variable "security_group_ids" {
  description = "Security groups of the instance. Empty: the VPC's default."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "allowed_regions" {
  description = "Regions the instance may lie in, next to those of allowed_jurisdictions."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "allowed_jurisdictions" {
  description = "Jurisdictions the instance may lie in, as the residency policies name them: EU, EEA, UK, CH, US, or an ISO 3166 country."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.allowed_jurisdictions) + length(var.allowed_regions) > 0
    error_message = "Say where the instance may lie: allowed_jurisdictions or allowed_regions."
  }

  validation {
    condition     = length(setsubtract(var.allowed_jurisdictions, values(local.jurisdiction_of))) == 0
    error_message = "allowed_jurisdictions: no AWS region lies in ${join(", ", setsubtract(var.allowed_jurisdictions, values(local.jurisdiction_of)))}."
  }
}

variable "spot" {
  description = "Run on spot capacity, which AWS takes back at two minutes' notice: checkpoint has to be given."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.spot || var.checkpoint != null
    error_message = "spot: capacity is taken back at two minutes' notice, so say in checkpoint where the work is saved."
  }
}

variable "checkpoint" {
  description = "Bucket, and prefix in it, that the instance's role may read and write, and nothing else of S3."
  type = object({
    bucket = string
    prefix = optional(string, "")
  })
  default = null
}

variable "capacity_block" {
  description = "Reservation of a capacity block that the instance runs in: p5e, p5en and their like are sold in no other way."
  type        = object({ id = string })
  default     = null

  validation {
    condition     = var.capacity_block == null || !var.spot
    error_message = "capacity_block: a capacity block is paid in advance, so it is not spot capacity."
  }
}

variable "shutdown" {
  description = "What `shutdown` on the instance does: stop keeps the root volume, terminate removes it. Null: terminate on spot capacity, else stop."
  type        = string
  default     = null

  validation {
    condition     = var.shutdown == null || try(contains(["stop", "terminate"], var.shutdown), false)
    error_message = "shutdown: stop or terminate."
  }

  validation {
    condition     = !(var.spot && var.shutdown == "stop")
    error_message = "shutdown: a one-time spot instance cannot be stopped; terminate it."
  }
}

variable "root_volume_gib" {
  description = "Size of the root volume in GiB."
  type        = number
  default     = 200
}

variable "volumes" {
  description = "Further volumes by name. They outlive the instance."
  type = map(object({
    device_name = string
    size_gib    = number
    iops        = optional(number)
    throughput  = optional(number)
  }))
  default  = {}
  nullable = false
}

variable "kms_key_id" {
  description = "ARN of the key that encrypts the volumes. Null: the account's key for EBS."
  type        = string
  default     = null
}

variable "policy_arns" {
  description = "IAM policies that the instance's role gets besides."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "user_data" {
  description = "Script that runs at the first start. Keys belong in a secret store, not here."
  type        = string
  default     = null
}

variable "extra_tags" {
  description = "Further tags. They cannot replace the taxonomy."
  type        = map(string)
  default     = {}
}
