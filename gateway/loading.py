"""Loads what entry points give, and judges it before it is let in."""

from __future__ import annotations

import inspect
from functools import lru_cache
from importlib.metadata import distributions, entry_points
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog
from attrs import define, evolve, field, frozen

import gateway
from gateway.guard import guarded, told
from gateway.plugin import (
    BackendPluginDefinition,
    Connector,
    LLMBackend,
    PluginCompatibility,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import Distribution, EntryPoint

Kind: TypeAlias = Connector | BackendPluginDefinition

OWN = "sluicegate"


@frozen
class Broken:
    """
    A connector that is installed and not let in.

    Attributes:
        reason: a sentence without its full stop.
        repair: what to do about it; empty if the reason says it.
        load_error: it did not even load, which a package's others may share.
    """

    reason: str
    repair: str = ""
    load_error: bool = False


@frozen
class Source:
    """
    Who brings a connector.

    Attributes:
        distribution: the installed package; empty for what a program registered.
        version: the package's.
        value: what its entry point names, such as ``acme.backend:define``.
    """

    distribution: str = ""
    version: str = ""
    value: str = ""

    @property
    def origin(self) -> str:
        if not self.distribution:
            return "registered"
        return "built-in" if self.distribution == OWN else "plugin"

    @property
    def is_foreign(self) -> bool:
        return self.origin == "plugin"

    @property
    def package(self) -> str:
        return f"{self.distribution} {self.version}".strip()

    @classmethod
    def of(cls, point: EntryPoint) -> Source:
        if point.dist is None:
            return cls("unknown", value=point.value)
        return cls(*_named(point.dist), point.value)


# Each look at it parses all that a package says of itself.
@lru_cache(maxsize=256)
def _named(dist: Distribution) -> tuple[str, str]:
    return dist.name or "unknown", dist.version or ""


def found(group: str) -> list[EntryPoint]:
    """Return the installed entry points of *group*."""
    try:
        return list(entry_points(group=group))
    # A package whose own list cannot be parsed raises whatever the parser meets, and
    # would keep all others from being found.
    except Exception:
        return [point for dist in distributions() for point in _points(dist, group)]


def _points(dist: Distribution, group: str) -> list[EntryPoint]:
    try:
        return list(dist.entry_points.select(group=group))
    except Exception as exc:  # see `found`
        structlog.get_logger().warning(
            "plugin.unreadable", package=_named(dist)[0], reason=told(exc)
        )
        return []


@define(eq=False)
class Offer:
    """
    A connector by the name that somebody offers it by, loaded when first asked for.

    Attributes:
        notes: what is not right with it, though it works.
        told: whether a warning was given.
    """

    name: str
    source: Source
    point: EntryPoint | None = None
    notes: list[str] = field(factory=list)
    told: bool = False
    _kind: Kind | Broken | None = field(default=None, alias="kind")

    @property
    def kind(self) -> Kind | Broken:
        if self._kind is None:
            self._kind = self._load()
        return self._kind

    @property
    def loaded(self) -> bool:
        return self._kind is not None

    def _load(self) -> Kind | Broken:
        if self.point is None:
            raise AssertionError("what was registered is there")
        try:
            return self._judged(self.point)
        except _RefusedError as exc:
            return exc.broken

    def _judged(self, point: EntryPoint) -> Kind:
        package = self.source.package
        given = _run(point.load, "does not load", package, load_error=True)
        if isinstance(given, Connector):
            return self._named(self._loaded(declared(given)))
        if isinstance(given, type) and issubclass(given, LLMBackend):
            return self._named(wrapped(given, self.name, package))
        if not callable(given):
            raise _refused(f"its entry point gives {_a(given)}, which is not callable")
        made = _run(given, "cannot be called", package)
        if isinstance(made, Connector):
            return self._named(self._loaded(declared(made)))
        return self._named(defined(made))

    def _loaded(self, connector: Connector) -> Connector:
        """Return *connector*, of which nothing of somebody else can fail later."""
        if self.source.is_foreign:
            for dialect in (*connector.speaks, *connector.optional):
                what = "has a translator that does not load"
                _run(dialect.load, what, self.source.package)
        return connector

    def _named(self, kind: Kind) -> Kind:
        """Return *kind* by the name that it is installed by, which is what counts."""
        member = "name" if isinstance(kind, Connector) else "backend_name"
        said = getattr(kind, member)
        if said == self.name:
            return kind
        self.notes.append(
            f"its entry point is called {self.name!r}, which is used; its {member} is"
            f" {said!r}"
        )
        changes: dict[str, Any] = {member: self.name}
        return evolve(kind, **changes)


# -- the rules


def declared(connector: Connector) -> Connector:
    """
    Return *connector*, which has all that it needs.

    Raises:
        ValueError: it has not.
    """
    if _blank(connector.name):
        raise _refused("the name of its Connector is blank")
    if not connector.speaks:
        raise _refused("its Connector speaks no dialect")
    return connector


def wrapped(cls: type[LLMBackend], name: str, package: str) -> BackendPluginDefinition:
    """
    Return the definition of a backend that comes as its bare class.

    Raises:
        ValueError: methods are missing.
    """
    if missing := sorted(getattr(cls, "__abstractmethods__", ())):
        raise _refused(f"{cls.__name__} lacks {', '.join(missing)}")
    own = str(getattr(cls, "backend_type", name))
    version = PluginCompatibility(gateway.__version__)
    return BackendPluginDefinition(own, cls, package or cls.__module__, version)


def defined(made: Any) -> BackendPluginDefinition:
    """
    Return *made*, which is a definition that keeps to the contract.

    Raises:
        ValueError: it is none, or does not, or is for another gateway.
    """
    if inspect.iscoroutine(made):
        made.close()
    if not isinstance(made, BackendPluginDefinition):
        raise _refused(
            f"its entry point returns {_a(made)}, neither a BackendPluginDefinition"
            " nor a Connector"
        )
    for member in ("backend_name", "plugin_name"):
        if _blank(getattr(made, member)):
            raise _refused(f"{member} is blank")
    if not isinstance(made.compatibility, PluginCompatibility):
        raise _refused(
            f"compatibility is {_a(made.compatibility)}, not a PluginCompatibility"
        )
    _check_versions(made.plugin_name, made.compatibility)
    if not callable(made.factory):
        raise _refused("factory is not callable")
    if not (made.post_build_hook is None or callable(made.post_build_hook)):
        raise _refused("post_build_hook is not callable")
    return made


def _check_versions(plugin: str, compatibility: PluginCompatibility) -> None:
    """Versions are compared as PEP 440 says, so 0.10 comes after 0.9."""
    from packaging.version import InvalidVersion, Version

    # A local build, such as 1.2+debian, is that release.
    core = Version(Version(gateway.__version__).public)
    bounds = {}
    for member in ("core_min_version", "core_max_version"):
        text = getattr(compatibility, member)
        if member == "core_max_version" and text is None:
            continue
        if _blank(text):
            raise _refused(f"{member} is blank")
        try:
            bounds[member] = Version(text)
        except InvalidVersion:
            raise _refused(f"{member} {text!r} is no version") from None
    least, most = bounds["core_min_version"], bounds.get("core_max_version", core)
    if not least <= core <= most:
        wanted = f"{OWN} {compatibility.core_min_version}"
        if compatibility.core_max_version is not None:
            wanted += f" to {compatibility.core_max_version}"
        else:
            wanted += " or newer"
        raise _refused(
            f"it is for {wanted}, and this is {gateway.__version__}",
            f"install a release of {plugin} that is for {OWN} {gateway.__version__}",
        )


def _blank(text: object) -> bool:
    return not (isinstance(text, str) and text.strip())


def _a(value: object) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "AEIOUaeiou" else f"a {name}"


class _RefusedError(ValueError):
    def __init__(self, broken: Broken) -> None:
        super().__init__(broken.reason)
        self.broken = broken


def _refused(reason: str, repair: str = "", *, load_error: bool = False) -> ValueError:
    return _RefusedError(Broken(reason, repair, load_error))


def registered(name: str, given: Any) -> Kind:
    """
    Return what *given* is as a connector.

    Raises:
        TypeError: it cannot be one.
        ValueError: it does not keep to the contract.
    """
    if isinstance(given, Connector):
        return evolve(declared(given), name=name)
    if isinstance(given, BackendPluginDefinition):
        if not callable(given.factory):
            raise TypeError("the factory of the definition is not callable")
        return evolve(defined(given), backend_name=name)
    if isinstance(given, type) and issubclass(given, LLMBackend):
        return evolve(wrapped(given, name, ""), backend_name=name)
    if not callable(given):
        raise TypeError(
            f"{name}: expected an LLMBackend class, a factory, a Connector or a"
            f" BackendPluginDefinition, got {type(given).__name__}"
        )
    compatibility = PluginCompatibility(gateway.__version__)
    package = getattr(given, "__module__", None) or "registered"
    return BackendPluginDefinition(name, given, package, compatibility)


def is_same(there: Kind | Broken, kind: Kind) -> bool:
    """Tell whether the same is registered again, however it is wrapped."""
    if isinstance(there, BackendPluginDefinition) and isinstance(
        kind, BackendPluginDefinition
    ):
        return bool(there.factory == kind.factory)
    return there == kind


# -- who comes first


def in_order(name: str, given: Offer | None, points: list[EntryPoint]) -> list[Offer]:
    """
    Return the offers of *name*, the one in force first.

    It is the first that works, and as long as it is not needed nothing of ours is
    loaded to find that out.
    """
    offers = []
    winner = given
    for point in points:
        offer = Offer(name, Source.of(point), point)
        if winner is not None and offer.source == winner.source:
            continue  # the same, found twice
        if winner is not None:
            reason = f"the name is taken by {winner.source.package or 'a registration'}"
            offer = Offer(name, offer.source, kind=Broken(reason))
        elif not offer.source.is_foreign or not isinstance(offer.kind, Broken):
            winner = offer
        offers.append(offer)
    if winner is None:
        return offers
    return [winner, *(offer for offer in offers if offer is not winner)]


# -- somebody else's code


def _run(
    call: Callable[[], Any], what: str, package: str, *, load_error: bool = False
) -> Any:
    try:
        with guarded():
            return call()
    except KeyboardInterrupt:
        raise  # a person's, who waits for somebody else's import
    # Nothing that it raises may stop the gateway, and code that was written as a
    # program raises SystemExit.
    except BaseException as exc:
        repair = _repair(exc, package)
        raise _refused(f"it {what}: {told(exc)}", repair, load_error=load_error) from (
            exc
        )


def _repair(exc: BaseException, package: str) -> str:
    if "pip install" in str(exc):
        return ""
    if isinstance(exc, ModuleNotFoundError) and exc.name:
        return f"install the package that brings {exc.name}, or {package} again"
    return ""
