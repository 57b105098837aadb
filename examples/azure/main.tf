provider "azurerm" {
  features {}
  subscription_id = "5f0c0f5e-0000-4000-8000-000000000001"
}

resource "azurerm_resource_group" "ml" {
  name     = "rg-ml"
  location = "westeurope"
  tags     = { "owner-team" = "vision" }
}

resource "azurerm_linux_virtual_machine" "train" {
  name                = "train-3"
  resource_group_name = azurerm_resource_group.ml.name
  location            = "eastus"
  size                = "Standard_NC24ads_A100_v4"
  tags                = { project = "atlas", stage = "fine-tuning" }
}

resource "azurerm_cognitive_account" "assist" {
  name                = "assist-2"
  resource_group_name = azurerm_resource_group.ml.name
  location            = "swedencentral"
  kind                = "OpenAI"
  sku_name            = "S0"
  tags                = { project = "atlas", "owner-team" = "vision" }
}
