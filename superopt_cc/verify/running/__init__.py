"""The image, the runner, and traces: what code does on one input."""
