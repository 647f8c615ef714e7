"""Dialects as clients speak them: strict readers, and writers of their frames."""
