"""The front for clients of OpenAI's Responses."""
