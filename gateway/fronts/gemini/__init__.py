"""The front for clients of Gemini's ``generateContent``."""
