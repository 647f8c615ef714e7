"""Where answers are kept for clients who refer to them by id."""
