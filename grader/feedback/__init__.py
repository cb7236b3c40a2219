"""A failure made small, named and told."""
