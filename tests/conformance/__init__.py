"""RFC 6455 and RFC 7692 to the letter, spoken in bytes over real sockets, from both ends."""
