# The value is made up while planning, so that no scanner takes this page for a leak.
resource "aws_lambda_function" "assistant" {
  function_name = "assistant"
  role          = "arn:aws:iam::123456789012:role/assistant"
  s3_bucket     = "artifacts"
  s3_key        = "assistant.zip"
  handler       = "assistant.handle"
  runtime       = "python3.13"

  environment {
    variables = {
      OPENAI_API_KEY = "sk-proj-${sha256("not a key")}"
    }
  }
}
