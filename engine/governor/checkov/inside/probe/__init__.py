"""A folder of checks, for `--external-checks-dir`."""
