"""Inputs for one target: made, traced, aimed, varied, and laid out in plans."""
