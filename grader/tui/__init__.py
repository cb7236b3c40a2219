"""The app that a bare ``dojo`` opens: screens over the learner's desk; torch stays in other processes."""
