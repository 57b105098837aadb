resource "aws_instance" "trainer" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "p5e.48xlarge"

  tags = {
    project = "atlas"
  }
}
