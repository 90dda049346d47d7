"""A soak: messages through a proxy that cuts, delays and resets TCP, compared with both logs."""
