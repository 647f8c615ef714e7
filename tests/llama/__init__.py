"""A real inference server with known output, and the gateway in front of it."""
