# governor: config = {"projects": {"atlas": {"owner_team": "nlp", "experiment_pattern": "lora-[0-9]+"}}}
resource "aws_instance" "trainer" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "p5.48xlarge"

  tags = {
    project       = "atlas"
    experiment-id = "lora-7"
    owner-team    = "nlp"
  }
}
