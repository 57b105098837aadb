"""Azure Policy: rules as Microsoft writes them, judged here without Azure."""
