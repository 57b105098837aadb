variables {
  taxonomy = {
    project           = "support-copilot"
    stage             = "fine-tuning"
    model             = "llama-3-70b"
    experiment_id     = "exp-2041"
    dataset           = "support-tickets"
    owner_team        = "nlp"
    cost_budget_limit = "20000"
  }
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
    taxonomy = {
      project           = "support-copilot"
      stage             = "inference"
      model             = "llama-3-70b"
      dataset           = "support-tickets"
      owner_team        = "nlp"
      cost_budget_limit = "20000.50-usd-month"
    }
  }

  assert {
    condition     = length(output.tags) == 6 && !contains(keys(output.tags), "experiment-id")
    error_message = "A tag without a value is still there."
  }
}

run "training_needs_an_experiment" {
  command = plan

  variables {
    taxonomy = {
      project           = "support-copilot"
      stage             = "fine-tuning"
      model             = "llama-3-70b"
      dataset           = "support-tickets"
      owner_team        = "nlp"
      cost_budget_limit = "20000"
    }
  }

  expect_failures = [var.taxonomy]
}

run "extra_tags_do_not_replace_the_taxonomy" {
  command = plan

  variables {
    extra_tags = { Name = "trainer", project = "somebody-else", owner = "dana" }
  }

  assert {
    condition     = output.tags["Name"] == "trainer" && output.tags["project"] == "support-copilot" && output.tags["owner"] == "dana"
    error_message = "An extra tag is lost, or replaces the taxonomy."
  }

  assert {
    condition     = length(output.aws_default_tags) == 7 && !contains(keys(output.aws_default_tags), "Name")
    error_message = "The default tags are not the taxonomy alone."
  }
}

run "extra_tags_do_not_stand_in_for_the_taxonomy" {
  command = plan

  variables {
    taxonomy = {
      project           = "support-copilot"
      stage             = "inference"
      model             = "llama-3-70b"
      dataset           = "support-tickets"
      owner_team        = "nlp"
      cost_budget_limit = "20000"
    }
    extra_tags = { "Experiment_ID" = "exp-2041" }
  }

  expect_failures = [var.extra_tags]
}

run "every_cloud" {
  command = plan

  variables {
    clouds     = ["aws", "azurerm", "google", "kubernetes"]
    extra_tags = { managed-by = "terraform" }
  }

  assert {
    condition     = output.azurerm_tags == output.tags && output.google_labels == output.tags && output.kubernetes_labels == output.tags
    error_message = "A tag is lost on its way to a cloud."
  }

  assert {
    condition     = length(output.kubernetes_annotations) == 0
    error_message = "A value that a label can hold became an annotation."
  }
}

run "a_value_no_google_label_can_hold" {
  command = plan

  variables {
    clouds = ["google"]
    taxonomy = {
      project           = "Support.Copilot"
      stage             = "inference"
      model             = "llama-3-70b"
      dataset           = "support-tickets"
      owner_team        = "nlp"
      cost_budget_limit = "12.5/hour"
    }
  }

  expect_failures = [output.google_labels]
}

run "what_a_kubernetes_label_cannot_hold_is_annotated" {
  command = plan

  variables {
    clouds            = ["kubernetes"]
    kubernetes_prefix = "cost.example.com/"
    taxonomy = {
      project           = "support-copilot"
      stage             = "inference"
      model             = "llama-3-70b"
      dataset           = "support-tickets"
      owner_team        = "nlp"
      cost_budget_limit = "12.5/hour"
    }
  }

  assert {
    condition     = output.kubernetes_annotations == tomap({ "cost.example.com/cost-budget-limit" = "12.5/hour" })
    error_message = "Not exactly the budget is an annotation."
  }

  assert {
    condition     = length(output.kubernetes_labels) == 5 && output.kubernetes_labels["cost.example.com/project"] == "support-copilot"
    error_message = "A label is lost."
  }
}

run "a_key_kubernetes_does_not_take" {
  command = plan

  variables {
    clouds     = ["kubernetes"]
    extra_tags = { "billed to" = "nlp" }
  }

  expect_failures = [output.kubernetes_labels]
}

run "a_key_azure_does_not_take" {
  command = plan

  variables {
    clouds     = ["azurerm"]
    extra_tags = { "cost/centre" = "4711" }
  }

  expect_failures = [output.azurerm_tags]
}

run "a_key_azure_keeps_for_itself" {
  command = plan

  variables {
    clouds     = ["azurerm"]
    extra_tags = { "Microsoft-account" = "4711" }
  }

  expect_failures = [output.azurerm_tags]
}

run "a_key_aws_keeps_for_itself" {
  command = plan

  variables {
    extra_tags = { "aws:project" = "atlas" }
  }

  expect_failures = [output.tags]
}

run "more_tags_than_aws_takes" {
  command = plan

  variables {
    extra_tags = { for number in range(44) : "tag-${number}" => "x" }
  }

  expect_failures = [output.tags]
}

run "a_cloud_that_is_not_there" {
  command = plan

  variables {
    clouds = ["gcp"]
  }

  expect_failures = [var.clouds]
}

run "a_prefix_that_is_no_dns_name" {
  command = plan

  variables {
    kubernetes_prefix = "Cost/"
  }

  expect_failures = [var.kubernetes_prefix]
}
