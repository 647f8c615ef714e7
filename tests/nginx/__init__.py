"""The gateway behind a real nginx, as most people will run it."""
