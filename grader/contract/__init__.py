"""What a kata's test file is written with, and what runs it."""
