"""What runs inside checkov, with its Python (3.9 and later) and its libraries: nothing of ours can be imported here."""
