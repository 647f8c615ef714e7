"""Where a backend is asked for one operation of one dialect, and with what headers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from attrs import field, frozen
from yarl import URL

from gateway import http, identity
from gateway.domain.errors import RoutingError
from gateway.settings import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.fronts.base import Ask
    from gateway.plugin import Dialect, Fixed, Headers

# A caller's query that goes through, by protocol: Anthropic's clients say ?beta=true.
QUERIES = {"anthropic": ("beta",)}

USUAL = Identity()
_TITLE, _OTHER_TITLE = identity.TITLE


@frozen
class Target:
    """
    Attributes:
        url: ``None`` where the path holds the model's name.
        path: base and path, with ``{model}`` in it then.
        defaults: headers that a caller's own replace.
        fixed: headers that replace all others; credentials are among them.
        passes: a caller's headers that go through.
        operation: the key of the dialect's path.
        queries: members of a caller's query that go through.
    """

    dialect: Dialect
    path: str = field(repr=False)
    url: URL | None = field(repr=False)
    defaults: Headers
    fixed: Headers = field(repr=False)
    passes: tuple[str, ...] = http.TO_UPSTREAM
    operation: str = ""
    queries: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        dialect: Dialect,
        base: str,
        operation: str,
        fixed: Fixed,
        rules: Identity = USUAL,
    ) -> Target:
        """
        Return where *operation* is, below *base*.

        Args:
            fixed: credentials and configured headers.
            rules: which application the provider is told of.
        """
        path = base + dialect.paths[operation]
        if fixed.query:
            path += ("&" if "?" in path else "?") + urlencode(fixed.query)
        return cls(
            dialect=dialect,
            path=path,
            url=None if "{model}" in path else URL(path, encoded=True),
            defaults={
                **identity.otherwise(rules),
                **{name.lower(): value for name, value in dialect.headers.items()},
            },
            fixed={**identity.always(rules), **fixed.headers},
            passes=(
                *http.TO_UPSTREAM,
                *identity.passed(rules),
                *(name.lower() for name in dialect.passes),
            ),
            operation=operation,
            queries=QUERIES.get(dialect.protocol, ())
            if dialect.queries is None
            else dialect.queries,
        )

    def at(self, model: str, query: Mapping[str, str] | None = None) -> URL:
        """
        Return the address for *model*.

        Args:
            query: the caller's, of which little goes through.

        Raises:
            RoutingError: the name cannot stand in a path.
        """
        url = self.url
        if url is None:
            if model in (".", ".."):
                raise RoutingError(f"{model!r} is no model's name", param="model")
            name = quote(model, safe="@")
            url = URL(self.path.replace("{model}", name), encoded=True)
        passed = {n: query[n] for n in self.queries if n in query} if query else {}
        return url.update_query(passed) if passed else url

    def headers(self, caller: Mapping[str, str]) -> Headers:
        """Return those for a request of *caller*, of whose own some go through."""
        headers = http.to_upstream(caller, self.passes)
        if self.defaults:
            headers = {**self.defaults, **headers}
            if _OTHER_TITLE in headers and _TITLE not in caller:
                headers.pop(_TITLE, None)  # the same thing by another name
        headers.update(self.fixed)
        return headers

    def edited(self, body: bytes, headers: Headers) -> bytes:
        """Return *body* as this provider wants it; *headers* may change with it."""
        for edit in self.dialect.edits:
            body = edit(body, headers, self.operation)
        return body


def operation_of(dialect: Dialect, operation: str, ask: Ask) -> str | None:
    """Return the key of *dialect*'s path for *operation*; ``None``: not offered."""
    if operation == "chat" and ask.stream:
        if ask.framing == "array":
            return "chat_array" if "chat_array" in dialect.paths else None
        if "chat_stream" in dialect.paths:
            return "chat_stream"
    return operation if operation in dialect.paths else None


def unsupported(backend: str, kind: str, model: str = "") -> RoutingError:
    """Return the error for what a backend does not offer, or not for *model*."""
    # Some backends have other dialects for other models.
    which = f" for the model {model!r}" if model else ""
    return RoutingError(
        f"backend {backend!r} does not offer {kind}{which}",
        code="unsupported_operation",
        param="model",
    )
