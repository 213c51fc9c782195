"""What is proved of branches: edges that nothing can take."""
