"""Finds connectors, and builds the backends that the settings ask for."""

from __future__ import annotations

import re
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen
from yarl import URL

from gateway.domain.errors import ConfigurationError
from gateway.plugin import ENTRY_POINT_GROUP, BackendPluginDefinition, Connector
from gateway.secret import Secret
from gateway.settings import Tls
from gateway.upstream import (
    HttpBackend,
    VirtualBackend,
    make_session,
    ssl_context,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.config import Mistake
    from gateway.plugin import Dialect
    from gateway.settings import Backend as BackendSettings
    from gateway.settings import Settings
    from gateway.translation import TranslationService

Backend: TypeAlias = HttpBackend | VirtualBackend
Kind: TypeAlias = Connector | BackendPluginDefinition

_OWN = "sluicegate"
_VERSION = re.compile(r"v\d")


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

    def build(
        self, name: str, settings: BackendSettings, environ: Mapping[str, str]
    ) -> Backend:
        """
        Return the backend called *name*; call it where the event loop runs.

        Raises:
            ConfigurationError: its type is unknown, broken, or lacks an address.
        """
        kind = self.get(settings.type or name)
        if isinstance(kind, BackendPluginDefinition):
            service, session = self._translation, make_session(settings)
            backend = kind.factory(session, settings, service)
            return VirtualBackend(name, settings, backend, session)
        speaks = spoken(kind, settings.extra)
        return HttpBackend(
            name=name,
            connector=kind,
            settings=settings,
            speaks=speaks,
            bases=base_urls(kind, speaks, settings.api_base_url, settings.extra),
            key=api_key(kind, settings, environ),
            session=make_session(settings),
            models=settings.models,
            closed_list=bool(settings.models),
        )

    def check(self, settings: Settings) -> Iterator[Mistake]:
        """Yield what keeps a backend from being built, with its place."""
        for name, backend in settings.backends.items():
            here = ("backends", name)
            try:
                kind = self.get(backend.type or name)
            except ConfigurationError as exc:
                yield (*here, "type") if backend.type else here, exc.message
                continue
            if isinstance(kind, Connector):
                try:
                    speaks = spoken(kind, backend.extra)
                    base_urls(kind, speaks, backend.api_base_url, backend.extra)
                except ConfigurationError as exc:
                    yield here, exc.message
            yield from (
                ((*here, "tls", key), why) for key, why in _bad_files(backend.tls)
            )


def _bad_files(tls: Tls) -> Iterator[tuple[str, str]]:
    for key, trial in (
        ("ca_file", Tls(ca_file=tls.ca_file)),
        ("cert_file", Tls(cert_file=tls.cert_file, key_file=tls.key_file)),
    ):
        try:
            ssl_context(trial)
        except OSError as exc:  # ssl's own errors are children of it
            file = getattr(tls, key)
            yield key, f"{file} cannot be used: {exc.strerror or exc}"


def api_key(
    connector: Connector, settings: BackendSettings, environ: Mapping[str, str]
) -> Secret | None:
    """Return the key: the configured one, else that of the usual variables."""
    if settings.api_key is not None:
        return settings.api_key
    found = (environ.get(name) for name in connector.key_env)
    return next((Secret(key) for key in found if key), None)


def spoken(connector: Connector, extra: Mapping[str, Any]) -> tuple[Dialect, ...]:
    """
    Return the dialects of one instance: all, or what its ``speaks`` names.

    Raises:
        ConfigurationError: it names one that there is not.
    """
    if "speaks" not in extra:
        return connector.speaks
    known = {d.protocol: d for d in (*connector.optional, *connector.speaks)}
    names = extra["speaks"]
    names = [names] if isinstance(names, str) else names
    if not names or not isinstance(names, list) or not set(names) <= known.keys():
        raise ConfigurationError(
            f"extra.speaks must be a list of {', '.join(known)}", code="unknown_dialect"
        )
    return tuple(known[name] for name in names)


def base_urls(
    connector: Connector,
    speaks: tuple[Dialect, ...],
    configured: str | None,
    extra: Mapping[str, Any],
) -> dict[str, str]:
    """
    Return where each dialect begins, by protocol, without a final slash.

    The SDKs' own variables differ in whether they hold the version segment, so
    it is added where no segment of the path looks like one. An API that has
    none says so by an empty ``version`` in *extra*. Dialects of another version
    than the first have it in place of that.

    Raises:
        ConfigurationError: there is no address.
    """
    url = (configured or connector.base_url).rstrip("/")
    if not url:
        raise ConfigurationError(
            f"{connector.name} needs api_base_url", code="missing_base_url"
        )
    first = speaks[0].version
    if configured:
        version = str(extra.get("version", first))
        versioned = any(_VERSION.match(part) for part in URL(url).parts)
        url = url if versioned or not version else f"{url}/{version}"
    head, _, tail = url.rpartition("/")
    root = head if _VERSION.match(tail) else url
    bases = {"": root, first: url if first else root}
    return {
        dialect.protocol: url
        if "version" in extra
        else bases.get(dialect.version, f"{root}/{dialect.version}")
        for dialect in speaks
    }


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
