"""What both ends of a protocol must agree on; pure, no I/O."""
