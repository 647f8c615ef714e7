"""Sluicegate: a streaming gateway in front of every LLM API."""

__version__ = "0.1.0"
