"""The front for clients of OpenAI's Chat Completions."""
