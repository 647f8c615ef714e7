"""Tests and what they share: cut streams, a scripted upstream, the real process."""
