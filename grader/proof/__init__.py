"""The graders proved in both directions."""
