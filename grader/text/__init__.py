"""Words for the terminal."""
