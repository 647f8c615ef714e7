"""The declarative way to a backend: a provider that speaks a known protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from attrs import evolve, field, frozen

from gateway.settings import Auth as AuthSettings
from gateway.wire.sse import SseFramer

if TYPE_CHECKING:
    from gateway.domain.embeddings import EmbeddingReply, EmbeddingRequest
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json, Reply
    from gateway.domain.request import Request
    from gateway.plugin.backend import Headers
    from gateway.plugin.credentials import Account, Credentials, Fixed
    from gateway.wire.reading import Framer, Reader


class Edit(Protocol):
    """A small change to a request's body, whoever wrote it; see `connectors.edits`."""

    def __call__(self, body: bytes, headers: Headers, operation: str) -> bytes:
        """
        Return *body* changed, with all other bytes as they are.

        Args:
            body: a JSON object.
            headers: of the request; may be changed in place.
            operation: the key in `Dialect.paths`.
        """


class Decoder(Protocol):
    """Turns a stream's bytes into those of its protocol; never raises."""

    def feed(self, chunk: bytes) -> bytes: ...

    def eof(self) -> bytes:
        """Return what is left, or what tells that the stream was cut short."""


@frozen
class Written:
    """
    A request in a provider's words.

    Attributes:
        body: what is sent, as JSON.
        losses: what could not be said; one that is *refused* keeps it from being
            sent.
        headers: that belong to it, beside those of the `Dialect`.
    """

    body: dict[str, Json] = field(repr=False)
    losses: tuple[Loss, ...] = ()
    headers: Headers = field(factory=dict)


@frozen
class Translator:
    """
    A protocol read and written: what its folder in ``connectors`` offers.

    None of these does I/O or raises over what an upstream says, except as noted.

    Attributes:
        write_request: for the operation ``chat``; the request's ``model`` is the
            upstream's name already.
        read_reply: a whole answer's JSON. Raises `BackendError` for another shape.
        reader: makes the reader of one stream.
        framer: cuts its bytes into frames.
        write_count, read_count: token counting, where the protocol has it.
        write_embeddings, read_embeddings: where it has them.
    """

    write_request: Callable[[Request], Written]
    read_reply: Callable[[Json], Reply]
    reader: Callable[[], Reader]
    framer: Callable[[], Framer] = SseFramer
    write_count: Callable[[Request], Written] | None = None
    read_count: Callable[[Json], int] | None = None
    write_embeddings: Callable[[EmbeddingRequest], Written] | None = None
    read_embeddings: Callable[[Json], EmbeddingReply] | None = None


@frozen
class Dialect:
    """
    A protocol as one provider offers it.

    Attributes:
        protocol: the protocol's name, such as ``openai_chat``.
        paths: operation to path below the base URL, ``{"chat": "/chat/..."}``.
            ``{model}`` in it is the model's name. An operation that is missing
            is not offered, except that ``chat_stream`` (an answer in pieces) goes
            to ``chat``. The others are ``chat_array`` (pieces in one JSON array),
            ``completions``, ``embeddings``, ``embed_one``, ``count_tokens``.
        version: the path segment that a base URL may leave out, such as ``v1``;
            where a connector's dialects differ in it, it replaces that of the URL.
        translator: without one, the dialect is for clients who speak it too. What
            takes long to load may be given as a function that returns it.
        headers: sent with each request unless the caller sends their own.
        passes: a caller's headers that go through, beside the usual ones.
        auth: how the key is sent, where not as the connector says.
        stores: the provider keeps answers, for clients to refer to by id.
        models: patterns of the models that are asked for in this dialect, such as
            ``claude-*``; none: all are.
        edits: what is changed in every body, in this order.
        decoder: for streams that are wrapped in something else.
        own_errors: the provider's errors have the protocol's shape.
        queries: members of a caller's query that go through; ``None``: those that
            are usual for the protocol.
    """

    protocol: str
    paths: Mapping[str, str]
    version: str = "v1"
    _translator: Translator | Callable[[], Translator] | None = field(
        default=None, alias="translator"
    )
    headers: Headers = field(factory=dict)
    passes: tuple[str, ...] = ()
    auth: Auth | None = None
    stores: bool = False
    models: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    decoder: Callable[[], Decoder] | None = None
    own_errors: bool = True
    queries: tuple[str, ...] | None = None

    @property
    def translator(self) -> Translator | None:
        given = self._translator
        return given() if callable(given) else given

    def load(self) -> None:
        """Load the translator now, and not with the first request that needs it."""
        if callable(self._translator):
            self._translator()

    def serves(self, model: str) -> bool:
        """Tell whether *model*, as the provider calls it, speaks this dialect."""
        return not self.models or any(fnmatchcase(model, p) for p in self.models)

    def only(self, *operations: str) -> Dialect:
        """Return the dialect with these operations and no others."""
        return evolve(self, paths={name: self.paths[name] for name in operations})

    def at(self, prefix: str, **changes: Any) -> Dialect:
        """Return the dialect as it is offered below *prefix*, with other *changes*."""
        paths = {name: prefix + path for name, path in self.paths.items()}
        return evolve(self, paths=paths, **changes)


class Auth(Protocol):
    """Gives what authenticates a request with a key."""

    def __call__(self, key: str, /) -> Headers | Fixed: ...


MakeCredentials: TypeAlias = "Callable[[Account], Credentials | Fixed | None]"


@frozen
class Parameter:
    """
    A part of a provider's addresses that is each account's own.

    Attributes:
        name: stands as ``{name}`` in the base URL, and as ``name`` below ``extra``.
        env: environment variables that it is looked up in, in order.
        default: without one, it must be given.
        shown: an example, for the documentation.
    """

    name: str
    env: tuple[str, ...] = ()
    default: str | None = None
    shown: str = ""


@frozen
class Connector:
    """
    A provider that speaks protocols the gateway knows.

    Attributes:
        name: the backend type, unique among all connectors.
        base_url: with the version segment; empty if every user has their own.
        speaks: the dialects it offers, the preferred one first.
        auth: how the key is sent.
        title: what people call the provider.
        parameters: what its base URL has in braces.
        extras: what else it reads below ``extra``; other names there are mistakes.
        credentials: makes what signs its requests, where a key alone does not do.
            ``None`` from it: the key, as ``auth`` sends it.
        instance: gives the connector as one instance has it, where its addresses
            or dialects depend on the instance's ``extra`` and the environment.
        quirks: what its users should know, a sentence each.
        loop_guard: send the header that finds loops; some strict servers refuse it.
        key_env: environment variables looked up for the key, in order.
        key_optional: local servers answer without one.
        ports: where a local server of this kind usually listens.
        models_path: where it lists its models; empty if nowhere.
        optional: dialects that an instance speaks only if its ``extra`` says so:
            ``{speaks: [openai_chat, anthropic]}``, the preferred one first.
        docs: the page this declaration was written from.
    """

    name: str
    base_url: str
    speaks: tuple[Dialect, ...]
    auth: Auth
    key_env: tuple[str, ...] = ()
    key_optional: bool = False
    ports: tuple[int, ...] = ()
    models_path: str = "/models"
    docs: str = ""
    optional: tuple[Dialect, ...] = ()
    title: str = ""
    parameters: tuple[Parameter, ...] = ()
    extras: tuple[str, ...] = ()
    credentials: MakeCredentials | None = None
    instance: Callable[[Connector, Given], Connector] | None = None
    quirks: tuple[str, ...] = ()
    loop_guard: bool = True


@frozen
class Given:
    """
    What one instance's configuration says, for `Connector.instance`.

    Attributes:
        extra: its ``extra`` section.
        environ: the environment.
        base_url: the address that is configured for it, if one is. A connector that
            comes back with another ``base_url`` has taken it into account.
        auth: its ``auth`` section.
    """

    extra: Mapping[str, Any] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)
    base_url: str = ""
    auth: AuthSettings = field(factory=AuthSettings)

    def value(self, name: str, *variables: str, default: str = "") -> str:
        """Return ``extra.name``, else the first variable that is set."""
        if name in self.extra:
            return str(self.extra[name])
        found = (self.environ.get(variable) for variable in variables)
        return next((value for value in found if value), default)
