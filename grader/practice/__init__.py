"""What is asked when, how an answer is judged, and where the learner stands."""
