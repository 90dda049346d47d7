"""Scripts that make what the repository stores."""
