"""Rules that need no run (design 5.1 to 5.4)."""
