# governor: region = eu-central-1
resource "aws_bedrock_inference_profile" "assistant" {
  name = "assistant"

  model_source {
    copy_from = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0"
  }
}
