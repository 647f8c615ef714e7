"""The official ``openai`` SDK as the client, since it is what most callers use."""
