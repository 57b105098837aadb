"""Azure: exports of its policies, and the resources that policies are about."""
