"""What each value alone cannot tell: whether they go together."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, TypeAlias

from attrs import fields

from gateway.config.addresses import read_address
from gateway.config.problems import KeyPath, did_you_mean
from gateway.selector import parse
from gateway.settings import Identity

if TYPE_CHECKING:
    from gateway.settings import Settings

Mistake: TypeAlias = tuple[KeyPath, str]


def check(settings: Settings, backends: Collection[str]) -> Iterator[Mistake]:
    """
    Yield what does not go together.

    Args:
        settings: to be checked.
        backends: the names that may be routed to; empty if they are not known
            yet, because the gateway is going to look for backends by itself.
    """
    yield from _listening(settings)
    yield from _tls(settings)
    yield from _identity(settings)
    yield from _routes(settings)
    if backends:
        yield from _targets(settings, backends)


def _listening(settings: Settings) -> Iterator[Mistake]:
    server = settings.server
    if not server.listen:
        yield ("server", "listen"), "expected one address at least"
    seen = set()
    for index, text in enumerate(server.listen):
        address = read_address(text)
        if not address.loopback and not server.api_keys:
            yield (
                ("server", "listen", index),
                (
                    f"{text} can be reached from other machines, and without api_keys"
                    " whoever reaches it spends your providers' money: set"
                    " server.api_keys, or listen on 127.0.0.1 or a unix socket"
                ),
            )
        if text in seen and not text.endswith(":0"):
            yield ("server", "listen", index), f"{text} is there twice"
        seen.add(text)


def _tls(settings: Settings) -> Iterator[Mistake]:
    for name, backend in settings.backends.items():
        if backend.tls.key_file and not backend.tls.cert_file:
            yield (
                ("backends", name, "tls", "key_file"),
                "a key without cert_file, the certificate that it belongs to",
            )


def _identity(settings: Settings) -> Iterator[Mistake]:
    for name, backend in settings.backends.items():
        for header in fields(Identity):
            rule = getattr(backend.identity, header.name)
            here = ("backends", name, "identity", header.name)
            if rule.mode == "default" and rule.value is None:
                yield here, "the mode default needs a value"
            if rule.mode == "passthrough" and rule.value is not None:
                yield (
                    (*here, "value"),
                    "is never sent in mode passthrough; did you mean default?",
                )


def _routes(settings: Settings) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for index, route in enumerate(settings.routes):
        if "*" in route.to and "*" not in route.model:
            yield (
                ("routes", index, "to"),
                f"{route.to} has a *, but the model {route.model} has none",
            )
        if route.model in first:
            yield (
                ("routes", index, "model"),
                (
                    f"{route.model} never gets here: routes[{first[route.model]}]"
                    " has the same model, and the first match wins"
                ),
            )
        first.setdefault(route.model, index)


def targets(settings: Settings) -> list[tuple[KeyPath, str]]:
    """Return the places that lead to a backend, and its name."""
    wanted: list[tuple[KeyPath, str]] = [
        (("routes", index, "to"), parse(route.to).backend or "")
        for index, route in enumerate(settings.routes)
    ]
    if settings.default_backend is not None:
        wanted.append((("default_backend",), settings.default_backend))
    return wanted


def _targets(settings: Settings, backends: Collection[str]) -> Iterator[Mistake]:
    for path, name in targets(settings):
        if name not in backends:
            yield path, f"no backend {name}; {did_you_mean(name, backends)}"
