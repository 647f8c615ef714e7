"""Bedrock, as far as it can be had on one machine."""
