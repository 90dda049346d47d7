"""The `astra-nb` command."""
