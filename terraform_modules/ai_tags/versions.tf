terraform {
  required_version = ">= 1.9" # a validation may read other variables
}
