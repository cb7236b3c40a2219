"""The untrusted side: holds the learner's source and nothing else.

Knows torch and the wire; knows no kata, no reference, no pytest.
"""
