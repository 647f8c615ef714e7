"""The built-in connectors; each is found through the entry-point group of plugins."""
