"""What an implementation does on a case, and where that differs from what the reference does."""
