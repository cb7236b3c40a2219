"""Watching a kata beside the editor: keys, saves, what the screen shows, and the loop between them."""
