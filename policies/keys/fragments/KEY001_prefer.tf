# governor: config = {"approved": [{"id": "ci", "provider": "aws", "match": {"owner": "ci"}, "owner": "dana", "approved_by": "sam", "expires_at": "2099-12-31"}]}
resource "aws_iam_access_key" "ci" {
  user = "ci"
}
