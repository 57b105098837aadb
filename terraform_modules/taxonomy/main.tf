# The taxonomy of AI spend as tags of every cloud. No provider, no resource: a function in the shape of a module.

locals {
  given = { for key, value in local.taxonomy : key => value if value != null ? trimspace(value) != "" : false }

  # The taxonomy comes last: an extra tag cannot replace a word of it.
  tags = tomap(merge(var.extra_tags, local.given))

  # What a key and a value may be. Sources:
  # aws         https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
  # azurerm     https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations
  # google      https://cloud.google.com/resource-manager/docs/labels-overview#requirements
  # kubernetes  https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
  limits = {
    aws = {
      number   = 50
      key      = "^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,128}$"
      reserved = ["aws:"]
      value    = "^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{0,256}$"
      says     = "AWS takes 50 tags of letters, digits, blanks and _.:/=+-@, keys up to 128 and values up to 256 long"
    }
    azurerm = {
      number   = 50
      key      = "^[^<>%&\\\\?/]{1,512}$"
      reserved = ["microsoft", "azure", "windows"]
      value    = "^(?s:.{0,256})$"
      says     = "Azure takes 50 tags, keys up to 512 long without <>%&\\?/ and values up to 256"
    }
    google = {
      number   = 64
      key      = "^[a-z][a-z0-9_-]{0,62}$"
      reserved = []
      value    = "^[a-z0-9_-]{0,63}$"
      says     = "Google takes 64 labels of lower-case letters, digits, _ and -, up to 63 long, keys beginning with a letter"
    }
    # What a label cannot hold becomes an annotation, which holds anything.
    kubernetes = {
      number   = 1000
      key      = local.kubernetes_name
      reserved = []
      value    = "^(?s:.*)$"
      says     = "Kubernetes takes keys of letters, digits and _.-, up to 63 long, beginning and ending with a letter or digit"
    }
  }

  kubernetes_name = "^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"

  misfits = {
    for cloud, limit in local.limits : cloud => !contains(var.clouds, cloud) ? [] : concat(
      length(local.tags) > limit.number ? ["their number, ${length(local.tags)}"] : [],
      [
        for key in keys(local.tags) : "the key ${key}"
        if !can(regex(limit.key, key)) || anytrue([for word in limit.reserved : startswith(lower(key), word)])
      ],
      [for key, value in local.tags : "${key} = ${value}" if !can(regex(limit.value, value))],
    )
  }
}
