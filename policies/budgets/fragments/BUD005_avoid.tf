# governor: config = {"projects": {"atlas": {"monthly_usd": 10000}}}
# governor: spend = [{"month": "2026-08", "project": "atlas", "usd": 9500, "forecast_usd": 14000, "method": "linear", "through": "2026-08-01"}]
resource "aws_instance" "trainer" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "p5.48xlarge"

  tags = {
    project = "atlas"
    stage   = "fine-tuning"
  }
}
