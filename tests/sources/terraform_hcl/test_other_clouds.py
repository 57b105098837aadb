"""Code for Google Cloud and Azure: default labels, GPUs, pools, and places that one resource has from another."""

from __future__ import annotations

from pathlib import Path

from sources.terraform_hcl.code import of

CODE = """
provider "google" {
  project = "project-1"
  region  = "europe-west4"
  default_labels = { stage = "training", owner-team = "nlp" }
}
resource "google_compute_instance" "gpu" {
  name = "x"
  machine_type = "a2-highgpu-1g"
  zone = "us-central1-a"
  labels = { project = "atlas" }
  scheduling { preemptible = true }
}
resource "google_compute_instance" "t4" {
  machine_type = "n1-standard-8"
  guest_accelerator {
    type = "nvidia-tesla-t4"
    count = 2
  }
}
resource "google_container_cluster" "c" {
  location = "europe-west4"
  remove_default_node_pool = true
  initial_node_count = 1
}
resource "google_container_node_pool" "p" {
  cluster = google_container_cluster.c.name
  location = "europe-west4"
  autoscaling {
    min_node_count = 0
    max_node_count = 3
  }
  node_config {
    machine_type = "g2-standard-48"
    spot = true
    resource_labels = { project = "atlas" }
  }
}
resource "google_compute_instance_template" "t" {
  machine_type = "a3-highgpu-8g"
  labels = { project = "atlas" }
}
resource "google_compute_instance_group_manager" "m" {
  zone = "us-central1-a"
  target_size = 2
  version { instance_template = google_compute_instance_template.t.id }
}
resource "google_storage_bucket" "b" {
  location = "EU"
}
resource "azurerm_resource_group" "rg" {
  name = "rg"
  location = "West Europe"
}
resource "azurerm_linux_virtual_machine" "vm" {
  location = azurerm_resource_group.rg.location
  size = "Standard_NC24ads_A100_v4"
  priority = "Spot"
  tags = { project = "atlas", loc = azurerm_resource_group.rg.location }
}
resource "azurerm_cognitive_account" "a" {
  location = "eastus2"
  kind = "OpenAI"
}
resource "azurerm_cognitive_account" "closed" {
  location = "eastus2"
  kind = "OpenAI"
  local_auth_enabled = "false"
}
resource "azurerm_cognitive_deployment" "d" {
  cognitive_account_id = azurerm_cognitive_account.a.id
  model {
    format = "OpenAI"
    name = "gpt-4o"
    version = "2024-08-06"
  }
  sku {
    name = "GlobalStandard"
    capacity = 10
  }
}
resource "azurerm_kubernetes_cluster" "k" {
  location = "westeurope"
  default_node_pool {
    vm_size = "Standard_NC24ads_A100_v4"
    node_count = 2
  }
}
resource "azurerm_kubernetes_cluster_node_pool" "np" {
  kubernetes_cluster_id = azurerm_kubernetes_cluster.k.id
  vm_size = "Standard_ND96asr_v4"
  min_count = 0
  max_count = 4
  tags = { project = "atlas" }
}
"""


def test_facts_of_the_other_clouds(tmp_path: Path) -> None:
    found = of(tmp_path, CODE)

    def facts(id: str) -> tuple[object, ...]:
        resource = found[id]
        accelerator = resource.accelerator
        return (
            resource.region,
            (accelerator.model, accelerator.count) if accelerator else None,
            resource.purchase,
            (resource.count, resource.max_count),
            resource.tags,
        )

    defaults = {"stage": "training", "owner-team": "nlp"}
    atlas = {"project": "atlas"}
    assert {id: facts(id) for id in found} == {
        "google_compute_instance.gpu": ("us-central1", ("A100", 1), "spot", (1, None), defaults | atlas),
        "google_compute_instance.t4": ("europe-west4", ("T4", 2), "on_demand", (1, None), defaults),
        "google_container_cluster.c": ("europe-west4", None, "on_demand", (None, None), defaults),
        "google_container_node_pool.p": ("europe-west4", ("L4", 4), "spot", (0, 9), atlas),
        "google_compute_instance_template.t": ("europe-west4", None, "on_demand", (None, None), defaults | atlas),
        "google_compute_instance_group_manager.m": (
            "us-central1", ("H100", 8), "on_demand", (2, None), defaults | atlas,
        ),
        "google_storage_bucket.b": ("eu", None, "on_demand", (None, None), defaults),
        "azurerm_linux_virtual_machine.vm": (
            "westeurope", ("A100-80GB", 1), "spot", (1, None), atlas | {"loc": "westeurope"},
        ),
        "azurerm_cognitive_account.a": ("eastus2", None, "on_demand", (None, None), {}),
        "azurerm_cognitive_account.closed": ("eastus2", None, "on_demand", (None, None), {}),
        "azurerm_cognitive_deployment.d": ("eastus2", None, "on_demand", (None, None), {}),
        "azurerm_kubernetes_cluster.k": ("westeurope", ("A100-80GB", 1), "on_demand", (2, None), {}),
        "azurerm_kubernetes_cluster_node_pool.np": ("westeurope", ("A100", 8), "on_demand", (0, 4), atlas),
    }  # fmt: skip


def test_arguments_of_the_other_clouds(tmp_path: Path) -> None:
    found = of(tmp_path, CODE)

    assert found["azurerm_cognitive_account.a"].attributes == {"local_auth": True}, "what is not written is the default"
    assert found["azurerm_cognitive_account.closed"].attributes == {"local_auth": False}, "text is read as its type"
    assert found["azurerm_cognitive_deployment.d"].attributes["model"] == "gpt-4o:2024-08-06"
    assert found["azurerm_kubernetes_cluster_node_pool.np"].attributes["delivered_tags"] == {"project": "atlas"}
