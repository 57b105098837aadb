resource "aws_launch_template" "trainer" {
  name          = "trainer"
  image_id      = "ami-0123456789abcdef0"
  instance_type = "p5.48xlarge"
}

resource "aws_autoscaling_group" "trainer" {
  name               = "trainer"
  availability_zones = ["us-east-1a"]
  min_size           = 0
  desired_capacity   = 1
  max_size           = 2

  launch_template {
    id = aws_launch_template.trainer.id
  }

  tag {
    key                 = "project"
    value               = "atlas"
    propagate_at_launch = false
  }
}
