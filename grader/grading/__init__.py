"""pytest's side of grading a learner's file."""
