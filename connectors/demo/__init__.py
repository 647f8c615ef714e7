"""
A backend without a provider: answers of a known shape, at a set pace, no key.

For newcomers, tests and front-end developers; ``docs/demo.md`` describes it.
"""

from __future__ import annotations

from connectors.demo.backend import DemoBackend
from gateway.plugin import BackendPluginDefinition, PluginCompatibility

__all__ = ["DEMO", "DemoBackend"]


def DEMO() -> BackendPluginDefinition:  # noqa: N802 - named as the declarations are
    """Return the definition, as the entry point of a plugin must."""
    return BackendPluginDefinition(
        backend_name=DemoBackend.backend_type,
        factory=DemoBackend,
        plugin_name="sluicegate",
        compatibility=PluginCompatibility("0.1"),
    )
