"""Finds connectors, and builds the backends that the settings ask for."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import structlog
from attrs import evolve

from gateway.building import (
    Backend,
    bad_files,
    build_declared,
    build_virtual,
    check_declared,
)
from gateway.config.problems import blamed
from gateway.domain.errors import ConfigurationError, LLMProxyError
from gateway.guard import guarded, told
from gateway.loading import (
    Broken,
    Kind,
    Offer,
    Source,
    in_order,
    is_same,
    registered,
)
from gateway.loading import found as installed_points
from gateway.plugin import (
    ENTRY_POINT_GROUP,
    BackendPluginDefinition,
    Connector,
    LLMBackend,
)
from gateway.refusals import (
    explained,
    is_called,
    missing,
    warn_of,
    warn_taken,
)
from gateway.selector import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from importlib.metadata import EntryPoint

    from aiohttp import ClientSession

    from gateway.config import Mistake
    from gateway.plugin import Provider
    from gateway.settings import Backend as BackendSettings
    from gateway.settings import Settings
    from gateway.translation import TranslationService


class Registry:
    """
    The connectors that are installed or registered, loaded when first named.

    Our own come first, so a plugin cannot replace one; among plugins the first
    that works wins. One that does not is remembered with its reason.

    Args:
        before: what was registered there is registered here, too.
    """

    def __init__(self, before: Registry | None = None) -> None:
        self._lock = threading.RLock()
        self._given = before.registered if before else {}
        self._offers: dict[str, list[Offer]] = {}
        self._hooked: set[str] = set()

    @cached_property
    def _points(self) -> dict[str, list[EntryPoint]]:
        found: dict[str, list[EntryPoint]] = {}
        for point in sorted(installed_points(ENTRY_POINT_GROUP), key=_is_foreign):
            found.setdefault(point.name, []).append(point)
        return found

    @cached_property
    def own(self) -> frozenset[str]:
        """The names of ours, loaded or not."""
        return frozenset(n for n, p in self._points.items() if not _is_foreign(p[0]))

    def own_points(self, group: str) -> list[EntryPoint]:
        """Return what our own package has in another *group*."""
        dists = (self._points[name][0].dist for name in self.own)
        dist = next(dists, None)
        return [] if dist is None else list(dist.entry_points.select(group=group))

    @cached_property
    def translation(self) -> TranslationService:
        """What backends that answer by themselves are given; made when first needed."""
        from gateway.translation import Installed, TranslationService

        return TranslationService(Installed(self))

    # -- what there is

    @property
    def registered(self) -> dict[str, Offer]:
        """What `register` was given, by name."""
        return dict(self._given)

    @property
    def names(self) -> list[str]:
        return sorted({*self._points, *self._given})

    def get(self, name: str) -> Kind:
        """
        Return the connector called *name*.

        Raises:
            ConfigurationError: there is none, or it does not work.
        """
        return self._get(name, None)

    def peek(self, name: str) -> Kind | None:
        """Return the connector, or ``None`` if it does not work."""
        try:
            return self.get(name)
        except ConfigurationError:
            return None

    def offers(self) -> list[Offer]:
        """Return all that is offered, by name, those first that are in force."""
        return [offer for name in self.names for offer in self._offered(name)]

    def _get(self, name: str, package: str | None) -> Kind:
        if name not in self._points and name not in self._given:
            advice = missing(name, package, self.names, self._brought_by(package))
            raise ConfigurationError(
                f"no connector is called {name!r}; {advice}",
                code="unknown_backend_type",
            )
        offer = self._offered(name)[0]
        kind = offer.kind
        if isinstance(kind, Broken):
            raise ConfigurationError(
                f"connector {name!r} does not work: {explained(offer, kind, package)}",
                code="broken_connector",
            )
        return kind

    def _offered(self, name: str) -> list[Offer]:
        """Return who offers *name*, the one in force first."""
        with self._lock:
            if name not in self._offers:
                points = self._points.get(name, [])
                self._offers[name] = in_order(name, self._given.get(name), points)
            return self._offers[name]

    def _brought_by(self, package: str | None) -> Iterator[str]:
        for name, points in self._points.items():
            if any(is_called(package, Source.of(point)) for point in points):
                yield name

    # -- registering

    def register(self, name: str, factory: Any) -> bool:
        """
        Offer a connector in this process, beside those that are installed.

        Args:
            name: the backend type.
            factory: an `LLMBackend` class, or whatever is called as
                ``factory(client, config, translation_service)`` and returns an
                instance; a `Connector`; or a `BackendPluginDefinition`.

        Returns:
            Whether *name* stands for it now. It does not where the name is taken:
            the first stays, and a warning is logged.

        Raises:
            ValueError: the name is empty, or the contract is not kept.
            TypeError: *factory* is nothing of the above.
        """
        if not isinstance(name, str):
            raise TypeError(f"a name is a str, not {type(name).__name__}")
        if not name.strip():
            raise ValueError("a connector needs a name")
        kind = registered(name, factory)
        with self._lock:
            there = next(iter(self._offered(name)), None)
            if there is not None and not isinstance(there.kind, Broken):
                if is_same(there.kind, kind):
                    return True
                warn_taken(name, there.source)
                return False
            if there is not None and there.source.origin == "built-in":
                warn_taken(name, there.source)
                return False
            source = Source(value=getattr(factory, "__qualname__", ""))
            self._given[name] = Offer(name, source, kind=kind)
            del self._offers[name]
        return True

    # -- plugins, once in a process

    def load_plugins(self) -> None:
        """
        Load what others have installed, and warn of what is not let in.

        Call it once, before the workers are forked. Ours stay unloaded.
        """
        for name, points in self._points.items():
            if any(map(_is_foreign, points)):
                self._offered(name)
        warn_of(offer for offers in self._offers.values() for offer in offers)

    def run_hooks(self, provider: Provider) -> None:
        """
        Call the ``post_build_hook`` of each accepted plugin, once in a process.

        Call it when all backends are built. What a hook raises is a warning.
        """
        for name in (*self._given, *self._offers):
            offer = next(iter(self._offered(name)), None)
            if offer is None or not offer.loaded or offer.name in self._hooked:
                continue
            self._hooked.add(offer.name)
            kind = offer.kind
            if isinstance(kind, BackendPluginDefinition) and kind.post_build_hook:
                _run_hook(offer, kind.post_build_hook, provider)

    # -- backends

    def absent(self, used: Iterable[str]) -> Mapping[str, str]:
        """Return what to do to get each backend of ours that is not *used*."""
        # Plugins are left alone: to know their keys is to load them.
        return _Absent(self, self.own - set(used))

    def type_of(self, name: str, settings: BackendSettings) -> str:
        """
        Return the type of the backend called *name*.

        ``openai.eu`` is an instance of ``openai``, while ``llama.cpp`` is a type.
        """
        if settings.type:
            return settings.type
        head, dot, _ = name.rpartition(".")
        known = name in self._points or name in self._given or not dot
        return name if known else self.type_of(head, settings)

    def build(
        self, name: str, settings: BackendSettings, environ: Mapping[str, str]
    ) -> Backend:
        """
        Return the backend called *name*; call it where the event loop runs.

        Raises:
            ConfigurationError: its type is unknown, broken, or lacks an address, or
                its factory does not make a backend.
        """
        kind = self._get(self.type_of(name, settings), settings.package)
        if isinstance(kind, Connector):
            return build_declared(name, kind, settings, environ)
        kind = evolve(kind, factory=_careful(name, kind))
        return build_virtual(name, kind, settings, environ, self.translation)

    def load(self, settings: Settings) -> None:
        """Load what the backends are made of; before a fork, so that it is shared."""
        for name, backend in settings.backends.items():
            kind = self.peek(self.type_of(name, backend))
            for dialect in kind.speaks if isinstance(kind, Connector) else ():
                dialect.load()

    async def try_factories(
        self, settings: Settings, environ: Mapping[str, str]
    ) -> None:
        """
        Find out whether the plugins' factories work, before there are workers.

        Raises:
            ConfigurationError: one does not.
        """
        for name, backend in settings.backends.items():
            offer = self._offered(self.type_of(name, backend))[0]
            if offer.source.origin != "built-in":
                made = self.build(name, backend, environ)
                await made.session.close()

    def check(
        self, settings: Settings, environ: Mapping[str, str]
    ) -> Iterator[Mistake]:
        """Yield what keeps a backend from being built, with its place."""
        for name, backend in settings.backends.items():
            here = ("backends", name)
            try:
                kind = self._get(self.type_of(name, backend), backend.package)
            except ConfigurationError as exc:
                yield (*here, "type") if backend.type else here, exc.message
                continue
            try:
                if isinstance(kind, Connector):
                    check_declared(name, kind, backend, environ)
                else:
                    self._check_own(self.type_of(name, backend), backend)
            except ConfigurationError as exc:
                where = () if isinstance(kind, Connector) else ("extra",)
                yield (*here, *(blamed(exc) or where)), exc.message
            yield from (
                ((*here, "tls", key), why) for key, why in bad_files(backend.tls)
            )
        if settings.backends:
            yield from self._check_targets(settings)

    def _check_own(self, name: str, settings: BackendSettings) -> None:
        """Try what our backends make of their ``extra``; they need no more for that."""
        offer = self._offered(name)[0]
        if offer.source.origin == "built-in":
            cast("BackendPluginDefinition", offer.kind).factory(
                cast("ClientSession", None), settings, None
            )

    def _check_targets(self, settings: Settings) -> Iterator[Mistake]:
        """Tell of names that lead to a connector which no backend is made of."""
        wanted: list[tuple[tuple[str | int, ...], str | None]] = [
            (("routes", index, "to"), parse(route.to).backend)
            for index, route in enumerate(settings.routes)
        ]
        wanted.append((("default_backend",), settings.default_backend))
        for path, name in wanted:
            if not name or name in settings.backends or name not in self.names:
                continue
            try:
                self.get(name)
            except ConfigurationError as exc:
                yield path, exc.message
            else:
                yield path, f"{name} is installed: add `{name}: {{}}` below backends"


# What a program registers before it calls `gateway.cli.main`.
backend_registry = Registry()


def installed() -> Registry:
    """Return a registry of what is installed, and of `backend_registry`."""
    return Registry(backend_registry)


class _Absent(Mapping[str, str]):
    """What to do to get a backend; its type is loaded when somebody asks for it."""

    def __init__(self, registry: Registry, names: Iterable[str]) -> None:
        self._registry = registry
        self._names = frozenset(names)

    def __getitem__(self, name: str) -> str:
        if name in self._names:
            text = _advice(name, self._registry.peek(name))
            if text:
                return text
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(name for name in self._names if self.get(name)))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _advice(name: str, kind: Kind | None) -> str:
    """Return what to do to get it; nothing for servers, which only their users have."""
    if isinstance(kind, BackendPluginDefinition):
        return f"add `{name}: {{}}` below backends"
    if kind is None or not (kind.key_env and kind.base_url.startswith("https://")):
        return ""
    needed = [p.env[0] for p in kind.parameters if p.env and p.default is None]
    keys = " or ".join(kind.key_env)
    also = f" (and {' and '.join(needed)})" if needed else ""
    return f"set {keys}{also}, or name it below backends"


def _is_foreign(point: EntryPoint) -> bool:
    return Source.of(point).is_foreign


def _careful(name: str, definition: BackendPluginDefinition) -> Callable[..., Any]:
    """Return the factory, of which nothing but a backend or an error of ours comes."""

    def make(*args: Any) -> LLMBackend:
        package = definition.plugin_name
        try:
            with guarded():
                made = definition.factory(*args)
        except (LLMProxyError, KeyboardInterrupt):
            raise
        except BaseException as exc:  # somebody else's code; see `gateway.loading`
            raise ConfigurationError(
                f"backends.{name}: the factory of {package} raised {told(exc)}",
                code="broken_connector",
            ) from exc
        if not isinstance(made, LLMBackend):
            raise ConfigurationError(
                f"backends.{name}: the factory of {package} returned a"
                f" {type(made).__name__}, not an LLMBackend",
                code="broken_connector",
            )
        return made

    return make


def _run_hook(offer: Offer, hook: Callable[[Any], Any], provider: Provider) -> None:
    try:
        with guarded():
            made = hook(provider)
        if inspect.iscoroutine(made):
            made.close()
            raise TypeError("it is a coroutine function, and must be a plain one")
    except KeyboardInterrupt:
        raise
    except BaseException as exc:
        structlog.get_logger().warning(
            "plugin.hook_failed",
            backend=offer.name,
            package=offer.source.package,
            reason=told(exc),
        )
