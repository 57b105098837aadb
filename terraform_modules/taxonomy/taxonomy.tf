# Made by generate.py from the data of the tagging policies: change that, then run it again.

variable "taxonomy" {
  description = "What the money is spent on: one attribute a tag; the taxonomy module lists them."
  nullable    = false

  type = object({
    # What the money is spent for; the name that budgets and chargeback use. (mandatory)
    project = string

    # What is done with the model. Add your own stages to `values`. (mandatory)
    stage = string

    # The model that is trained, served or evaluated. (mandatory)
    model = string

    # The run or series of runs that the spend belongs to. (mandatory, except for inference)
    experiment_id = optional(string)

    # The data that is read or kept; residency follows from it. (mandatory)
    dataset = string

    # Who answers for the resource. (mandatory)
    owner_team = string

    # What the resource may cost, in USD a month unless it says hour. (mandatory)
    cost_budget_limit = string
  })

  validation {
    condition     = try(trimspace(var.taxonomy.project), "") != ""
    error_message = "project: mandatory."
  }

  validation {
    condition     = try(trimspace(var.taxonomy.project), "") == "" || can(regex("^(?:^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$)$", var.taxonomy.project))
    error_message = "project: it takes a name of letters, digits, dots, hyphens and underscores, at most 63 long."
  }

  validation {
    condition     = try(trimspace(var.taxonomy.stage), "") != ""
    error_message = "stage: mandatory."
  }

  validation {
    condition     = try(trimspace(var.taxonomy.stage), "") == "" || try(contains(["fine-tuning", "inference", "evaluation"], var.taxonomy.stage), false)
    error_message = "stage: allowed is fine-tuning, inference, evaluation."
  }

  validation {
    condition     = try(trimspace(var.taxonomy.model), "") != ""
    error_message = "model: mandatory."
  }

  validation {
    condition     = try(contains(["inference"], var.taxonomy.stage), false) || try(trimspace(var.taxonomy.experiment_id), "") != ""
    error_message = "experiment_id: mandatory, except for inference."
  }

  validation {
    condition     = try(trimspace(var.taxonomy.experiment_id), "") == "" || can(regex("^(?:^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$)$", var.taxonomy.experiment_id))
    error_message = "experiment_id: it takes a name of letters, digits, dots, hyphens and underscores, at most 63 long."
  }

  validation {
    condition     = try(trimspace(var.taxonomy.dataset), "") != ""
    error_message = "dataset: mandatory."
  }

  validation {
    condition     = try(trimspace(var.taxonomy.owner_team), "") != ""
    error_message = "owner_team: mandatory."
  }

  validation {
    condition     = try(trimspace(var.taxonomy.cost_budget_limit), "") != ""
    error_message = "cost_budget_limit: mandatory."
  }

  validation {
    condition     = try(trimspace(var.taxonomy.cost_budget_limit), "") == "" || can(regex("^(?:^[0-9]{1,12}(\\.[0-9]{1,4})?(-(USD|usd))?([-/](hour|month))?$)$", var.taxonomy.cost_budget_limit))
    error_message = "cost_budget_limit: it takes an amount of USD such as 5000, 5000-USD-month or 12.5/hour."
  }
}

locals {
  taxonomy = {
    "project"           = var.taxonomy.project
    "stage"             = var.taxonomy.stage
    "model"             = var.taxonomy.model
    "experiment-id"     = var.taxonomy.experiment_id
    "dataset"           = var.taxonomy.dataset
    "owner-team"        = var.taxonomy.owner_team
    "cost-budget-limit" = var.taxonomy.cost_budget_limit
  }

  # What each tag is also called, in lower case and without blanks, hyphens and underscores.
  read_as = {
    "project"           = ["project", "proj", "projectname", "projectid", "application", "app"]
    "stage"             = ["stage", "phase", "mlstage", "lifecycle", "workloadstage"]
    "model"             = ["model", "modelname", "modelid", "basemodel", "llm"]
    "experiment-id"     = ["experimentid", "experiment", "experimentname", "runid", "exp", "expid"]
    "dataset"           = ["dataset", "datasetname", "datasetid", "data"]
    "owner-team"        = ["ownerteam", "team", "owner", "ownedby", "squad", "costcenter"]
    "cost-budget-limit" = ["costbudgetlimit", "budget", "budgetlimit", "costlimit", "maxcost"]
  }
}
