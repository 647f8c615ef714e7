"""What a plugin's entry point gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from gateway.plugin.backend import LLMBackend, Provider

# The group of entry points in which connectors are looked for, ours and others'.
ENTRY_POINT_GROUP = "llm_proxy_backends"
BACKEND_PLUGIN_ENTRY_POINT_GROUP = ENTRY_POINT_GROUP


@frozen
class PluginCompatibility:
    """The gateway's versions that a plugin works with, both ends included."""

    core_min_version: str
    core_max_version: str | None = None


BackendFactory: TypeAlias = "Callable[[ClientSession, Any, Any], LLMBackend]"
PluginPostBuildHook: TypeAlias = "Callable[[Provider], None]"


@frozen
class BackendPluginDefinition:
    """
    What a backend's entry point returns when it brings an `LLMBackend`.

    Attributes:
        backend_name: the backend type, unique among all connectors.
        factory: called as ``factory(client, config, translation_service)``.
        plugin_name: the distribution, for messages.
        compatibility: the gateway's versions that it was made for.
        post_build_hook: called once in each process, when all backends are built
            and none has been asked yet. What it raises is a warning.
    """

    backend_name: str
    factory: BackendFactory
    plugin_name: str
    compatibility: PluginCompatibility
    post_build_hook: PluginPostBuildHook | None = None


BackendPluginProvider: TypeAlias = Callable[[], BackendPluginDefinition]
