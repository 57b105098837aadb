"""Azure: what lies in it, and what Azure Policy says of it, from files that people export and from Azure itself."""
