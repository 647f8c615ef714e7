"""From what a client calls a model to the backend that answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from attrs import evolve, frozen

from gateway.domain.errors import RoutingError
from gateway.selector import Leaf, parse

if TYPE_CHECKING:
    from gateway.settings import Route


class Backend(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def models(self) -> tuple[str, ...]: ...

    @property
    def closed_list(self) -> bool: ...


# Of a name that a message repeats.
LONGEST_SHOWN = 120

B = TypeVar("B", bound=Backend)


@frozen
class Plan(Generic[B]):
    """
    Where a request goes.

    Attributes:
        model: what the upstream calls the model.
        ask_usage: ask for token counts where the client did not.
        lossless: refuse what cannot be said in the backend's dialect.
    """

    backend: B
    model: str
    ask_usage: bool = False
    lossless: bool = False


@frozen
class Listed:
    """
    A model as the list of models shows it.

    Attributes:
        owner: the backend that answers.
        alias: what a name of our own stands for, as ``backend:model``.
    """

    id: str
    owner: str
    alias: str | None = None


class RouteTable(Generic[B]):
    """
    Resolves names; the backends' lists of models are read as they are now.

    Args:
        routes: the first that matches wins.
        backends: name to backend.
        default: the backend that takes names nothing else knows.
        absent: backend types that exist but are not configured, with what to
            do about it; for messages.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        backends: Mapping[str, B],
        default: str | None = None,
        absent: Mapping[str, str] | None = None,
    ) -> None:
        self._routes = tuple(routes)
        self._backends = backends
        self._default = default
        self._absent = {} if absent is None else absent

    def resolve(self, name: str) -> Plan[B]:
        """
        Return the plan for the model that a client calls *name*.

        A route wins over ``backend:model``, that over a name that some backend
        lists, and the default backend takes the rest.

        Raises:
            RoutingError: nothing answers to the name; close ones are given.
        """
        for route in self._routes:
            if (target := _match(route, name)) is not None:
                plan = self._direct(target)
                lossless = route.losses == "refuse"
                if route.ask_usage or lossless:
                    plan = evolve(plan, ask_usage=route.ask_usage, lossless=lossless)
                return plan
        return self._direct(name)

    def _direct(self, name: str) -> Plan[B]:
        leaf = parse(name)
        if leaf.backend is not None and leaf.backend in self._backends:
            return self._plan(self._backends[leaf.backend], leaf.model + leaf.query)
        for backend in self._backends.values():
            if name in backend.models:
                return Plan(backend, name)
        if self._default is not None and not self._misspelt(leaf):
            return self._plan(self._backends[self._default], name)
        raise self.unknown(name)

    def _plan(self, backend: B, model: str) -> Plan[B]:
        if backend.closed_list and model not in backend.models:
            close = get_close_matches(model, backend.models, 3)
            names = [f"{backend.name}:{m}" for m in close or backend.models[:3]]
            raise _not_found(
                f"backend {backend.name!r} has no model {_short(model)}", names
            )
        return Plan(backend, model)

    def _misspelt(self, leaf: Leaf) -> bool:
        """
        Tell a slip in a backend's name from a tag such as ``llama3:8b``.

        That comes close to ``ollama`` too: only a model that the close backend
        lists is a proof.
        """
        if leaf.backend is None:
            return False
        if leaf.backend in self._absent:
            return True
        close = get_close_matches(leaf.backend, self._backends, 3, 0.75)
        return any(leaf.model in self._backends[name].models for name in close)

    def unknown(self, name: str) -> RoutingError:
        """Return the error for *name*, with the names that come close."""
        leaf = parse(name)
        if leaf.backend is not None and leaf.backend in self._absent:
            return _not_found(
                f"backend {leaf.backend!r} is not configured: "
                f"{self._absent[leaf.backend]}",
                [],
            )
        names = [listed.id for listed in self.listed()]
        bare = {n.partition(":")[2]: n for n in names if ":" in n}
        close = get_close_matches(name, names, 3, 0.5)
        close += [bare[n] for n in get_close_matches(name, bare, 3, 0.5)]
        return _not_found(f"model {_short(name)} is not known here", close)

    def find(self, name: str) -> Listed | None:
        """Return the listed model that *name* means, however it is routed there."""
        listed = {one.id: one for one in self.listed()}
        if name in listed:
            return listed[name]
        try:
            plan = self.resolve(name)
        except RoutingError:
            return None
        return listed.get(f"{plan.backend.name}:{plan.model}")

    def listed(self) -> list[Listed]:
        """Return what can be asked for by name: aliases, then each backend's."""
        found: dict[str, Listed] = {}
        for route in self._routes:
            if "*" not in route.model:
                owner = parse(route.to).backend or ""
                found.setdefault(route.model, Listed(route.model, owner, route.to))
        for name, backend in self._backends.items():
            for model in backend.models:
                selector = f"{name}:{model}"
                found.setdefault(selector, Listed(selector, name))
        return list(found.values())


def _match(route: Route, name: str) -> str | None:
    head, star, tail = route.model.partition("*")
    if not star:
        return route.to if name == route.model else None
    fits = len(name) >= len(head) + len(tail)
    if not (fits and name.startswith(head) and name.endswith(tail)):
        return None
    return route.to.replace("*", name[len(head) : len(name) - len(tail)], 1)


def _short(name: str) -> str:
    return repr(name if len(name) <= LONGEST_SHOWN else name[:LONGEST_SHOWN] + "...")


def _not_found(message: str, close: list[str]) -> RoutingError:
    names = list(dict.fromkeys(close))[:3]
    hint = f"; did you mean {' or '.join(names)}?" if names else ""
    return RoutingError(message + hint, param="model", details={"close": names})
