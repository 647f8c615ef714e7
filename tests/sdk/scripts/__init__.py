"""
What upstreams of each protocol say, and how to read what they are asked.

All of it is written, after the recordings of real providers and the types of the
official SDKs; nothing here comes from the gateway's own readers and writers, so a
mistake in those cannot hide here.
"""
