"""What gcc itself says about a function: its types, its calling convention, how it calls."""
