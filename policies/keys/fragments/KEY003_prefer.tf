# The function reads the key by the role it runs as.
resource "aws_lambda_function" "assistant" {
  function_name = "assistant"
  role          = "arn:aws:iam::123456789012:role/assistant"
  s3_bucket     = "artifacts"
  s3_key        = "assistant.zip"
  handler       = "assistant.handle"
  runtime       = "python3.13"

  environment {
    variables = {
      OPENAI_API_KEY_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:openai-assistant"
    }
  }
}
