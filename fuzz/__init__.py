"""Streams of bytes that were right until they were tampered with: `python -m fuzz`."""
