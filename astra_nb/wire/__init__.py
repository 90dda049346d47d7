"""The wire format and its explanation: pure functions without I/O, clock or threads."""
