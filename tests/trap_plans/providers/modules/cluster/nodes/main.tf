terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "instance_type" { type = string }

resource "aws_instance" "node" {
  for_each = toset(["a", "b.c"])

  ami           = "ami-0abcdef1234567890"
  instance_type = var.instance_type
}
