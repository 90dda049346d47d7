"""What runs in the background: listeners, their handlers, and which of them there are."""
