"""The lane and the ordinary way, before upstreams that break every rule."""
