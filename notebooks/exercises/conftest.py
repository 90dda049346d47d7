"""Exercise notebooks are meant to be filled in: tests/exercises works through them instead."""

collect_ignore_glob = ["*.ipynb"]
