"""One file a command; each is a function that returns an exit code."""
