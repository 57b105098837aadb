# One workload that uses the modules as they are meant to be used, and once for each policy with one thing broken.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

provider "aws" {
  alias  = "oregon"
  region = "us-west-2"
}

provider "aws" {
  alias  = "ireland"
  region = "eu-west-1"
}

# Its region comes out of AWS_REGION.
provider "aws" {
  alias = "unsaid"
}

locals {
  broken = {
    nothing = {}

    TAG001 = { bucket_tags = { dataset = null } }
    TAG002 = { bucket_tags = { stage = "training" } }
    TAG003 = { bucket_tags = { model = null, Model = "llama-3-8b" } }
    TAG004 = { taxonomy = { experiment_id = "exp-9999" } }
    TAG005 = { propagate = false }

    RES001 = { taxonomy = { dataset = "patient-records" } }
    RES003 = { model = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-sonnet-4-20250514-v1:0" }

    BUD001 = { taxonomy = { cost_budget_limit = "100" } }
    BUD002 = { taxonomy = { project = "pocket-money" } }
    BUD003 = { instance_type = "p5.48xlarge" }
    BUD004 = { instance_type = "p5e.48xlarge" }
    BUD008 = { taxonomy = { project = "nearly-spent" } }

    KEY001 = { key_of = "somebody" }
    KEY002 = { key_of = "last-year" }
    KEY003 = { user_data = "export OPENAI_API_KEY=${join("-", ["sk", "proj", "NOTAREALKEY", "of", "the", "support", "copilot", "0001"])}" }
  }
}

module "variant" {
  source    = "./workload"
  for_each  = local.broken
  providers = { aws = aws, aws.kept = aws, aws.copies = aws.oregon }

  broken = each.value
}

module "RES002" {
  source    = "./workload"
  providers = { aws = aws, aws.kept = aws, aws.copies = aws.ireland }
}

# The guard of gpu-instance reads the region, and so the plan tells it.
module "region_out_of_the_environment" {
  source    = "./workload"
  providers = { aws = aws.unsaid, aws.kept = aws.unsaid, aws.copies = aws.oregon }
}

module "RES004" {
  source    = "./workload"
  providers = { aws = aws, aws.kept = aws.unsaid, aws.copies = aws.oregon }
}
