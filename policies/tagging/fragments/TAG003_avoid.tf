resource "aws_instance" "trainer" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "p5.48xlarge"

  tags = {
    Project   = "atlas"
    OwnerTeam = "nlp"
    phase     = "fine-tuning"
  }
}
