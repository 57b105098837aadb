variable "name" {
  description = "Name of the group, and prefix of its launch template's."
  type        = string
}

variable "instance_type" {
  description = "GPU instance type: g5.12xlarge."
  type        = string
}

variable "ami_id" {
  description = "Image the instances start from."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets the instances run in."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of the instances. Empty: the VPC's default."
  type        = list(string)
  default     = []
}

variable "min_size" {
  description = "Instances that always run."
  type        = number
  default     = 0
}

variable "max_size" {
  description = "Instances the group may grow to: this is what a budget has to be able to carry."
  type        = number
}

variable "desired_capacity" {
  description = "Instances to start with, min_size if null. Later on it is left to whatever scales the group."
  type        = number
  default     = null
}

variable "spot" {
  description = "Run on spot capacity. The workload has to survive an interruption."
  type        = bool
  default     = false
}

variable "root_volume_gib" {
  description = "Size of the root volume in GiB."
  type        = number
  default     = 200
}

variable "extra_tags" {
  description = "Further tags. They cannot replace the taxonomy."
  type        = map(string)
  default     = {}
}
