"""What Azure Policy does, beside what our own policies ask for."""
