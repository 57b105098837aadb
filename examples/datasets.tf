# What models read. The first bucket holds customers' words, and the contract says that they stay in the United States.

resource "aws_s3_bucket" "support_tickets" {
  bucket = "example-support-tickets"
  tags   = { project = "support-copilot", dataset = "support-tickets", owner-team = "nlp" }
}

resource "aws_s3_bucket" "support_tickets_copy" {
  provider = aws.replica
  bucket   = "example-support-tickets-copy"
}

resource "aws_s3_bucket_replication_configuration" "support_tickets" {
  bucket = aws_s3_bucket.support_tickets.id
  role   = aws_iam_role.replication.arn

  rule {
    id     = "everything"
    status = "Enabled"

    destination {
      bucket = aws_s3_bucket.support_tickets_copy.arn
    }
  }
}

resource "aws_s3_bucket" "defect_images" {
  bucket = "example-defect-images"

  tags = {
    project           = "defect-vision"
    stage             = "fine-tuning"
    model             = "vit-large"
    experiment-id     = "exp-3107"
    dataset           = "defect-images"
    owner-team        = "vision"
    cost-budget-limit = "500"
  }
}

resource "aws_ebs_volume" "scratch" {
  availability_zone = "${var.region}a"
  type              = "io2"
  size              = 4000
  iops              = 16000
}
