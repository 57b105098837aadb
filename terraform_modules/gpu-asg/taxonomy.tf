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
}
