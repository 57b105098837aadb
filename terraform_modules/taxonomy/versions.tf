terraform {
  required_version = ">= 1.9" # a validation may read more than its own variable
}
