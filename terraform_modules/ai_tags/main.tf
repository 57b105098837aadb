# The taxonomy of AI spend as one map of tags. No provider, no resource: a function in the shape of a module.

locals {
  taxonomy = {
    "project"           = var.project
    "stage"             = var.stage
    "model"             = var.model
    "experiment-id"     = var.experiment_id
    "dataset"           = var.dataset
    "owner-team"        = var.owner_team
    "cost-budget-limit" = var.cost_budget_limit
  }

  # The taxonomy comes last: an extra tag cannot replace a word of it.
  tags = tomap(merge(var.extra_tags, { for key, value in local.taxonomy : key => value if value != null }))
}
