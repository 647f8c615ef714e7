"""Two readers side by side; `make fuzz` looks for input on which they differ."""
