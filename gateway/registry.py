"""Finds connectors, and builds the backends that the settings ask for."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from gateway.building import (
    Backend,
    bad_files,
    build_declared,
    build_virtual,
    check_declared,
)
from gateway.domain.errors import ConfigurationError
from gateway.plugin import ENTRY_POINT_GROUP, BackendPluginDefinition, Connector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.config import Mistake
    from gateway.settings import Backend as BackendSettings
    from gateway.settings import Settings
    from gateway.translation import TranslationService

Kind: TypeAlias = Connector | BackendPluginDefinition

_OWN = "sluicegate"


@frozen
class Broken:
    """A connector that is installed and does not work."""

    reason: str


class Registry:
    """
    The connectors that are installed, loaded when they are first named.

    Our own come first, so a plugin cannot replace one; among plugins the first
    name wins.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, Kind | Broken] = {}

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        points = entry_points(group=ENTRY_POINT_GROUP)
        for point in sorted(points, key=_is_foreign):
            found.setdefault(point.name, point)
        return found

    @cached_property
    def _translation(self) -> TranslationService:
        """What a plugin's factory is given, made when the first one needs it."""
        from gateway.translation import Installed, TranslationService

        return TranslationService(Installed(self))

    @property
    def names(self) -> list[str]:
        return sorted(self._points)

    def get(self, name: str) -> Kind:
        """
        Return the connector called *name*.

        Raises:
            ConfigurationError: there is none, or it does not load.
        """
        if name not in self._points:
            raise ConfigurationError(
                f"no connector is called {name!r}; there are {', '.join(self.names)}",
                code="unknown_backend_type",
            )
        if name not in self._loaded:
            self._loaded[name] = _load(self._points[name])
        kind = self._loaded[name]
        if isinstance(kind, Broken):
            raise ConfigurationError(
                f"connector {name!r} does not work: {kind.reason}",
                code="broken_connector",
            )
        return kind

    def peek(self, name: str) -> Kind | None:
        """Return the connector, or ``None`` if it does not work."""
        try:
            return self.get(name)
        except ConfigurationError:
            return None

    def absent(self, used: Iterable[str]) -> dict[str, str]:
        """Return what to do to get each hosted backend that is not *used*."""
        # Plugins are left alone: to know their keys is to load them.
        own = {name for name, point in self._points.items() if not _is_foreign(point)}
        names = own - set(used)
        kinds = {name: self.peek(name) for name in sorted(names)}
        return {
            name: f"set {' or '.join(kind.key_env)}, or name it below backends"
            for name, kind in kinds.items()
            if isinstance(kind, Connector) and kind.key_env and not kind.ports
        }

    def type_of(self, name: str, settings: BackendSettings) -> str:
        """
        Return the type of the backend called *name*.

        ``openai.eu`` is an instance of ``openai``, while ``llama.cpp`` is a type.
        """
        if settings.type:
            return settings.type
        head, dot, _ = name.rpartition(".")
        known = name in self._points or not dot
        return name if known else self.type_of(head, settings)

    def build(
        self, name: str, settings: BackendSettings, environ: Mapping[str, str]
    ) -> Backend:
        """
        Return the backend called *name*; call it where the event loop runs.

        Raises:
            ConfigurationError: its type is unknown, broken, or lacks an address.
        """
        kind = self.get(self.type_of(name, settings))
        if isinstance(kind, Connector):
            return build_declared(name, kind, settings, environ)
        return build_virtual(name, kind, settings, environ, self._translation)

    def check(
        self, settings: Settings, environ: Mapping[str, str]
    ) -> Iterator[Mistake]:
        """Yield what keeps a backend from being built, with its place."""
        for name, backend in settings.backends.items():
            here = ("backends", name)
            try:
                kind = self.get(self.type_of(name, backend))
            except ConfigurationError as exc:
                yield (*here, "type") if backend.type else here, exc.message
                continue
            if isinstance(kind, Connector):
                try:
                    check_declared(name, kind, backend, environ)
                except ConfigurationError as exc:
                    yield here, exc.message
            yield from (
                ((*here, "tls", key), why) for key, why in bad_files(backend.tls)
            )


def _is_foreign(point: EntryPoint) -> bool:
    return point.dist is None or point.dist.name != _OWN


def _load(point: EntryPoint) -> Kind | Broken:
    try:
        found = point.load()
        kind = found() if not isinstance(found, Connector) else found
    except Exception as exc:
        return Broken(f"{type(exc).__name__}: {exc}")
    if not isinstance(kind, Connector | BackendPluginDefinition):
        return Broken(f"its entry point gives a {type(kind).__name__}")
    return kind
