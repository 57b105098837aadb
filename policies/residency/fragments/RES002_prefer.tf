# governor: config = {"datasets": {"support-tickets": "personal-eu"}}
# governor: region = eu-central-1
resource "aws_efs_file_system" "data" {
  tags = {
    dataset = "support-tickets"
  }
}

resource "aws_efs_replication_configuration" "copy" {
  source_file_system_id = aws_efs_file_system.data.id

  destination {
    region = "eu-west-1"
  }
}
