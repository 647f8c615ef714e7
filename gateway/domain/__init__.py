"""The neutral model in the middle: it knows no provider and does no I/O."""
