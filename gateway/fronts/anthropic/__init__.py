"""The Anthropic Messages dialect as clients speak it."""
