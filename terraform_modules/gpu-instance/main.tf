data "aws_region" "current" {}

data "aws_partition" "current" {}

locals {
  region       = data.aws_region.current.id
  jurisdiction = lookup(local.jurisdiction_of, local.region, "a place that is not in the region catalogue")
  named        = merge({ Name = var.name }, module.tags.tags)
  market       = var.spot ? ["spot"] : var.capacity_block != null ? ["capacity-block"] : []
}

module "tags" {
  source = "../taxonomy"

  taxonomy   = var.taxonomy
  extra_tags = var.extra_tags
}

resource "aws_instance" "this" {
  ami                                  = var.ami_id
  instance_type                        = var.instance_type
  subnet_id                            = var.subnet_id
  vpc_security_group_ids               = length(var.security_group_ids) > 0 ? var.security_group_ids : null
  iam_instance_profile                 = aws_iam_instance_profile.this.name
  ebs_optimized                        = true
  instance_initiated_shutdown_behavior = coalesce(var.shutdown, var.spot ? "terminate" : "stop")
  tags                                 = local.named

  # Of `user_data` a plan holds a hash only, in which nobody finds a key that should not be there.
  user_data_base64 = var.user_data == null ? null : base64encode(var.user_data)

  # An instance does not hand its tags to its disks.
  root_block_device {
    volume_size = var.root_volume_gib
    volume_type = "gp3"
    encrypted   = true
    kms_key_id  = var.kms_key_id
    tags        = local.named
  }

  # Credentials of the instance's role are handed out to signed requests only.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  dynamic "instance_market_options" {
    for_each = local.market
    content {
      market_type = instance_market_options.value

      # Not aws_spot_instance_request: its tags stay on the request.
      dynamic "spot_options" {
        for_each = var.spot ? ["one-time"] : []
        content {
          spot_instance_type             = spot_options.value
          instance_interruption_behavior = "terminate"
        }
      }
    }
  }

  dynamic "capacity_reservation_specification" {
    for_each = var.capacity_block[*]
    content {
      capacity_reservation_target {
        capacity_reservation_id = capacity_reservation_specification.value.id
      }
    }
  }

  lifecycle {
    precondition {
      condition     = contains(var.allowed_regions, local.region) || contains(var.allowed_jurisdictions, local.jurisdiction)
      error_message = "${var.name} would lie in ${local.region} (${local.jurisdiction}); allowed is ${join(", ", concat(sort(var.allowed_jurisdictions), sort(var.allowed_regions)))}."
    }
  }
}

# Volumes of their own, so that the data outlives the instance.
resource "aws_ebs_volume" "this" {
  for_each = var.volumes

  availability_zone = aws_instance.this.availability_zone
  size              = each.value.size_gib
  type              = "gp3"
  iops              = each.value.iops
  throughput        = each.value.throughput
  encrypted         = true
  kms_key_id        = var.kms_key_id
  tags              = merge(local.named, { Name = "${var.name}-${each.key}" })
}

resource "aws_volume_attachment" "this" {
  for_each = var.volumes

  device_name = each.value.device_name
  volume_id   = aws_ebs_volume.this[each.key].id
  instance_id = aws_instance.this.id
}

resource "aws_iam_role" "this" {
  name_prefix = "${substr(var.name, 0, 37)}-"
  tags        = module.tags.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.${data.aws_partition.current.dns_suffix}" }
    }]
  })
}

resource "aws_iam_instance_profile" "this" {
  name_prefix = "${substr(var.name, 0, 37)}-"
  role        = aws_iam_role.this.name
  tags        = module.tags.tags
}

resource "aws_iam_role_policy" "checkpoint" {
  count = var.checkpoint == null ? 0 : 1

  name = "checkpoint"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.bucket_arn
        Condition = { StringLike = { "s3:prefix" = "${var.checkpoint.prefix}*" } }
      },
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = "${local.bucket_arn}/${var.checkpoint.prefix}*"
      },
    ]
  })
}

locals {
  bucket_arn = var.checkpoint == null ? "" : "arn:${data.aws_partition.current.partition}:s3:::${var.checkpoint.bucket}"
}

resource "aws_iam_role_policy_attachment" "this" {
  count = length(var.policy_arns)

  role       = aws_iam_role.this.name
  policy_arn = var.policy_arns[count.index]
}
