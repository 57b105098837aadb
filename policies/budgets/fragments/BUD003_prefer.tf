# governor: config = {"guardrails": {"monthly_usd": 5000}}
resource "aws_instance" "trainer" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "g6.12xlarge"

  tags = {
    stage = "fine-tuning"
  }
}
