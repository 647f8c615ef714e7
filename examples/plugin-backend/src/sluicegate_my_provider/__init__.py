"""MyProvider for the gateway: what its entry point gives."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateway.plugin import BackendPluginDefinition, PluginCompatibility

from sluicegate_my_provider.backend import MyProviderBackend

if TYPE_CHECKING:
    from gateway.plugin import Provider

__all__ = ["MyProviderBackend", "define"]

logger = logging.getLogger(__name__)


def define() -> BackendPluginDefinition:
    """Say what this plugin brings, and for which releases of the gateway."""
    return BackendPluginDefinition(
        backend_name="my-provider",
        factory=MyProviderBackend,
        plugin_name="sluicegate-my-provider",
        compatibility=PluginCompatibility("0.1", "0.999"),
        post_build_hook=greet,
    )


def greet(provider: Provider) -> None:
    """Look at the other backends, once in each process, before there are requests."""
    names = ", ".join(sorted(provider.backends))
    logger.warning("my-provider serves beside: %s", names)
