# Who may call a model, and with what.

data "aws_iam_policy_document" "assume" {
  for_each = toset(["ec2", "lambda", "s3"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "gpu_node" {
  name               = "gpu-node"
  assume_role_policy = data.aws_iam_policy_document.assume["ec2"].json
}

resource "aws_iam_role" "chat" {
  name               = "chat"
  assume_role_policy = data.aws_iam_policy_document.assume["lambda"].json
}

resource "aws_iam_role" "replication" {
  name               = "dataset-replication"
  assume_role_policy = data.aws_iam_policy_document.assume["s3"].json
}

resource "aws_iam_user" "nightly_evaluation" {
  name = "nightly-evaluation"
}

# Two keys that never expire, on one user that no team owns.
resource "aws_iam_access_key" "nightly_evaluation" {
  user = aws_iam_user.nightly_evaluation.name
}

resource "aws_iam_service_specific_credential" "nightly_evaluation" {
  user_name    = aws_iam_user.nightly_evaluation.name
  service_name = "bedrock.amazonaws.com"
}

# A key in the environment stands in the state, in every plan and in the console. This one is put together, and fake, so
# that no scanner trips over this file.
locals {
  fake_openai_key = join("-", ["sk", "proj", "NOTAREALKEY", "of", "the", "support", "copilot", "0001"])
}

resource "aws_lambda_function" "chat" {
  function_name = "chat"
  role          = aws_iam_role.chat.arn
  package_type  = "Image"
  image_uri     = "123456789012.dkr.ecr.${var.region}.amazonaws.com/chat:1.4"

  environment {
    variables = {
      OPENAI_API_KEY = local.fake_openai_key
      OPENAI_MODEL   = "gpt-4o"
    }
  }

  tags = module.copilot_serving.tags
}
