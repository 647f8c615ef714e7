"""The fast lane: what carries the busiest requests past the general ways."""
