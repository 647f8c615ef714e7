"""
The public contract for backend authors.

Two ways lead to a backend. A *declaration* (`Connector`) suffices where the
provider speaks a protocol that the gateway knows; it is what makes passthrough
possible. An `LLMBackend` subclass does everything itself and speaks in domain
events; the ``demo`` backend is one.
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from attrs import evolve, field, frozen

from gateway.domain.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BackendError,
    ConfigurationError,
    InvalidRequestError,
    LLMProxyError,
    RateLimitExceededError,
    RoutingError,
    ServiceUnavailableError,
    TranslationError,
)
from gateway.wire.sse import SseFramer

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from gateway.domain.embeddings import EmbeddingReply, EmbeddingRequest
    from gateway.domain.events import Event
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json, Reply, Usage
    from gateway.domain.request import Request
    from gateway.wire.reading import Framer, Reader

__all__ = [
    "ENTRY_POINT_GROUP",
    "APIConnectionError",
    "APITimeoutError",
    "AuthenticationError",
    "BackendError",
    "BackendPluginDefinition",
    "ConfigurationError",
    "Connector",
    "Dialect",
    "InvalidRequestError",
    "LLMBackend",
    "LLMProxyError",
    "PluginCompatibility",
    "ProcessedResponse",
    "RateLimitExceededError",
    "ResponseEnvelope",
    "RoutingError",
    "ServiceUnavailableError",
    "StreamingResponseEnvelope",
    "TranslationError",
    "Translator",
    "Written",
]

ENTRY_POINT_GROUP = "llm_proxy_backends"

Headers: TypeAlias = dict[str, str]
CancelCallback: TypeAlias = Callable[[], Awaitable[None]]


@frozen
class ProcessedResponse:
    """One piece of a streamed answer: the events that it stands for."""

    content: tuple[Event, ...]
    usage: Usage | None = None


@frozen
class ResponseEnvelope:
    """A whole answer; *headers* are the provider's, never the request's."""

    content: Reply
    headers: Headers = field(factory=dict)
    status_code: int = 200
    usage: Usage | None = None


@frozen
class StreamingResponseEnvelope:
    """
    A streamed answer.

    Attributes:
        content: the pieces; closing the iterator frees the upstream.
        cancel_callback: does the same from outside. It is idempotent and
            works before the first piece, during a read and after the end.
    """

    content: AsyncIterator[ProcessedResponse]
    headers: Headers = field(factory=dict)
    status_code: int = 200
    cancel_callback: CancelCallback | None = None


class LLMBackend(abc.ABC):
    """
    A backend that answers by itself.

    Concrete backends are built with ``(client, config, translation_service)``
    and do no I/O in the constructor.
    """

    backend_type: ClassVar[str]

    def __init__(self, config: Any, response_processor: Any = None) -> None:
        self.config = config
        self._response_processor = response_processor

    @abc.abstractmethod
    async def initialize(self, **kwargs: Any) -> None:
        """Take over credentials and settings; unknown keys are ignored."""

    @abc.abstractmethod
    async def chat_completions(
        self,
        request_data: Request,
        processed_messages: list[Any],
        effective_model: str,
        identity: Any = None,
        **kwargs: Any,
    ) -> ResponseEnvelope | StreamingResponseEnvelope:
        """
        Answer *request_data*, streaming if its ``stream`` says so.

        Args:
            request_data: the request in the domain model.
            processed_messages: turns that replace the request's own, if any.
            effective_model: the model after routing; wins over the request's.
            identity: who asks, for headers that name the application.
            **kwargs: room for later; ignore what you do not know.

        Raises:
            LLMProxyError: or one of its children, and nothing else.
        """

    def get_available_models(self) -> list[str]:
        return []

    async def close(self) -> None:  # noqa: B027 - most have nothing to release
        """Release what `initialize` took; called once, at shutdown."""


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
        translator: without one, the dialect is for clients who speak it too.
        headers: sent with each request unless the caller sends their own.
        passes: a caller's headers that go through, beside the usual ones.
        auth: how the key is sent, where not as the connector says.
        stores: the provider keeps answers, for clients to refer to by id.
    """

    protocol: str
    paths: Mapping[str, str]
    version: str = "v1"
    translator: Translator | None = None
    headers: Headers = field(factory=dict)
    passes: tuple[str, ...] = ()
    auth: Auth | None = None
    stores: bool = False

    def only(self, *operations: str) -> Dialect:
        """Return the dialect with these operations and no others."""
        return evolve(self, paths={name: self.paths[name] for name in operations})

    def at(self, prefix: str, **changes: Any) -> Dialect:
        """Return the dialect as it is offered below *prefix*, with other *changes*."""
        paths = {name: prefix + path for name, path in self.paths.items()}
        return evolve(self, paths=paths, **changes)


class Auth(Protocol):
    """Gives the headers that authenticate a request."""

    def __call__(self, key: str) -> Headers: ...


@frozen
class Connector:
    """
    A provider that speaks protocols the gateway knows.

    Attributes:
        name: the backend type, unique among all connectors.
        base_url: with the version segment; empty if every user has their own.
        speaks: the dialects it offers, the preferred one first.
        auth: how the key is sent.
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


@frozen
class PluginCompatibility:
    core_min_version: str
    core_max_version: str | None = None


@frozen
class BackendPluginDefinition:
    """
    What a backend's entry point returns when it brings an `LLMBackend`.

    Attributes:
        backend_name: the backend type, unique among all connectors.
        factory: called as ``factory(client, config, translation_service)``.
        plugin_name: the distribution, for messages.
    """

    backend_name: str
    factory: Callable[[ClientSession, Any, Any], LLMBackend]
    plugin_name: str
    compatibility: PluginCompatibility
    post_build_hook: Callable[[Any], None] | None = None
