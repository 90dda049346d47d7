"""The benchmark: `python -m bench`, or `make bench`. It is never part of a test."""
