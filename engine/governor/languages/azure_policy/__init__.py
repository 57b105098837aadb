"""Azure Policy: its rules, read, compiled and evaluated."""
