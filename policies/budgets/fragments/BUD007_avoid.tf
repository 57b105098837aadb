# governor: spend = [{"month": "2026-08", "usd": 900, "taggable_usd": 900, "untagged_usd": 900, "through": "2026-08-01"}]
resource "aws_instance" "trainer" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "p5.48xlarge"
}
