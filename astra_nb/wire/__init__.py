"""Bytes to frames, and what they mean: pure functions, no I/O, no clock, no thread."""
