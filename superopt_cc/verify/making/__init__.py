"""Making inputs for a C signature (design 5.6)."""
