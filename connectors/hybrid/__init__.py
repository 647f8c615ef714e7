"""
A backend made of two others: one model thinks, another one answers.

``docs/hybrid.md`` describes it. Only `backend` and `leg` wait for anything; the rest
is plain: what is asked of each of the two, and what their answers become.
"""

from __future__ import annotations

from connectors.hybrid.backend import HybridBackend
from gateway.plugin import BackendPluginDefinition, PluginCompatibility

__all__ = ["HYBRID", "HybridBackend"]


def HYBRID() -> BackendPluginDefinition:  # noqa: N802 - named as the declarations are
    """Return the definition, as the entry point of a plugin must."""
    return BackendPluginDefinition(
        backend_name=HybridBackend.backend_type,
        factory=HybridBackend,
        plugin_name="sluicegate",
        compatibility=PluginCompatibility("0.1"),
    )
