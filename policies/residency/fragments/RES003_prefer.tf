# governor: region = eu-central-1
resource "aws_bedrock_inference_profile" "assistant" {
  name = "assistant"

  model_source {
    copy_from = "arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"
  }
}
