resource "aws_instance" "trainer" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "p5.48xlarge"

  tags = {
    Name       = "trainer"
    owner-team = "nlp"
  }
}
