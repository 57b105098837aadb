resource "aws_instance" "trainer" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "p5.48xlarge"

  tags = {
    project           = "atlas"
    stage             = "prod"
    model             = "llama-3-70b"
    experiment-id     = "lora-7"
    dataset           = "support-tickets"
    owner-team        = "nlp"
    cost-budget-limit = "about 10k"
  }
}
