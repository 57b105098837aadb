# governor: config = {"datasets": {"support-tickets": "personal-eu"}}
# governor: region = eu-central-1
resource "aws_s3_bucket" "data" {
  bucket = "support-tickets"

  tags = {
    dataset = "support-tickets"
  }
}
