"""Azure: what its policies say, and what runs there."""
