"""The exercises, a module each, named as it is imported."""
