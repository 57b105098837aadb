resource "aws_instance" "trainer" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "g6.12xlarge"

  tags = {
    stage             = "fine-tuning"
    cost-budget-limit = "5000-USD-month"
  }
}
