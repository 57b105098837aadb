# governor: config = {"projects": {"atlas": {"monthly_usd": 10000}}}
resource "aws_instance" "trainer" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "p5.48xlarge"

  tags = {
    project = "atlas"
    stage   = "evaluation"
  }
}
