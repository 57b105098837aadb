resource "azurerm_cognitive_account" "assistant" {
  name                  = "assistant"
  location              = "swedencentral"
  resource_group_name   = "assistant"
  kind                  = "OpenAI"
  sku_name              = "S0"
  custom_subdomain_name = "assistant"
  local_auth_enabled    = true
}
