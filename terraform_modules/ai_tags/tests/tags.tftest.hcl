variables {
  project           = "support-copilot"
  stage             = "fine-tuning"
  model             = "llama-3-70b"
  experiment_id     = "exp-2041"
  dataset           = "support-tickets"
  owner_team        = "nlp"
  cost_budget_limit = "20000"
}

run "the_whole_taxonomy" {
  command = plan

  assert {
    condition = output.tags == tomap({
      "project"           = "support-copilot"
      "stage"             = "fine-tuning"
      "model"             = "llama-3-70b"
      "experiment-id"     = "exp-2041"
      "dataset"           = "support-tickets"
      "owner-team"        = "nlp"
      "cost-budget-limit" = "20000"
    })
    error_message = "The tags are not the seven of the taxonomy."
  }

  assert {
    condition     = tomap({ for tag in output.asg_tags : tag.key => tag.value }) == output.tags
    error_message = "The tags of an autoscaling group differ from those of a resource."
  }

  assert {
    condition     = alltrue([for tag in output.asg_tags : tag.propagate_at_launch])
    error_message = "A tag does not reach the instances."
  }
}

run "inference_without_an_experiment" {
  command = plan

  variables {
    stage         = "inference"
    experiment_id = null
  }

  assert {
    condition     = length(output.tags) == 6 && !contains(keys(output.tags), "experiment-id")
    error_message = "A tag without a value is still there."
  }
}

run "training_needs_an_experiment" {
  command = plan

  variables {
    experiment_id = null
  }

  expect_failures = [var.experiment_id]
}

run "an_unknown_stage" {
  command = plan

  variables {
    stage = "training"
  }

  expect_failures = [var.stage]
}

run "a_stage_of_the_organisation" {
  command = plan

  variables {
    stage        = "pre-training"
    extra_stages = ["pre-training"]
  }

  assert {
    condition     = output.tags["stage"] == "pre-training"
    error_message = "A stage of the organisation is not taken over."
  }
}

run "a_budget_with_a_currency" {
  command = plan

  variables {
    cost_budget_limit = "$20k"
  }

  expect_failures = [var.cost_budget_limit]
}

run "a_budget_that_says_its_unit" {
  command = plan

  variables {
    cost_budget_limit = "20000.50-usd-month"
  }

  assert {
    condition     = output.tags["cost-budget-limit"] == "20000.50-usd-month"
    error_message = "The budget is not taken over as it was written."
  }
}

run "a_project_that_no_budget_can_name" {
  command = plan

  variables {
    project = "Support Copilot"
  }

  expect_failures = [var.project]
}

run "extra_tags_do_not_replace_the_taxonomy" {
  command = plan

  variables {
    extra_tags = { Name = "trainer", project = "somebody-else" }
  }

  assert {
    condition     = output.tags["Name"] == "trainer" && output.tags["project"] == "support-copilot"
    error_message = "An extra tag is lost, or replaces the taxonomy."
  }
}
