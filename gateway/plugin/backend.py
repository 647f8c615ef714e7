"""A backend that does everything itself, and what goes in and out of it."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.domain.events import Event
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Reply, Usage
    from gateway.domain.request import Request

Headers: TypeAlias = dict[str, str]
CancelCallback: TypeAlias = Callable[[], Awaitable[None]]


@frozen
class ProcessedResponse:
    """
    One piece of a streamed answer: the events that it stands for.

    Attributes:
        content: what `TranslationService.to_domain_stream_chunk` returned. A chunk
            in OpenAI's words, as JSON or text, is read where it gets to the gateway.
        usage: where no event tells it.
        metadata: the backend's own; nobody looks at it.
    """

    content: tuple[Event, ...]
    usage: Usage | None = None
    metadata: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False)


@frozen
class ResponseEnvelope:
    """
    A whole answer; *headers* are the provider's, never the request's.

    Attributes:
        content: an answer in OpenAI's words, as JSON, is read where it gets to the
            gateway.
        status_code: from 400 on, *content* is an error.
        usage: where *content* does not tell it.
        losses: what the provider could not be told.
        metadata: the backend's own; nobody looks at it.
    """

    content: Reply
    headers: Headers = field(factory=dict)
    status_code: int = 200
    usage: Usage | None = None
    losses: list[Loss] = field(factory=list)
    metadata: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False)


@frozen
class StreamingResponseEnvelope:
    """
    A streamed answer.

    Attributes:
        content: the pieces; closing the iterator frees the upstream.
        cancel_callback: does the same from outside. It is idempotent and
            works before the first piece, during a read and after the end.
        losses: what the provider could not be told; may grow until the end.
    """

    content: AsyncIterator[ProcessedResponse]
    headers: Headers = field(factory=dict)
    status_code: int = 200
    cancel_callback: CancelCallback | None = None
    losses: list[Loss] = field(factory=list)
    metadata: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False)


class Identity(Protocol):
    """Which application asks: the headers in which providers look for that."""

    def get_resolved_headers(self, incoming: Mapping[str, str] | None) -> Headers:
        """
        Return ``User-Agent``, ``HTTP-Referer`` and ``X-Title`` as configured.

        Args:
            incoming: the caller's headers; ``None`` for those of the request that
                is being served.
        """


class Provider(Protocol):
    """What the gateway offers to a backend that is made of others."""

    @property
    def translation_service(self) -> Any:
        """The `TranslationService`."""

    @property
    def backends(self) -> Mapping[str, Any]:
        """The configured backends, by name."""

    async def chat_completions(
        self, selector: str, request: Request, identity: Identity | None = None
    ) -> ResponseEnvelope | StreamingResponseEnvelope:
        """
        Ask another backend, streaming if the request's ``stream`` says so.

        Args:
            selector: ``backend:model``, or whatever a client may say.
            request: its ``model`` is replaced by what the selector says.

        Raises:
            LLMProxyError: it failed before its answer began.
        """


class LLMBackend(abc.ABC):
    """
    A backend that answers by itself.

    Concrete backends are built with ``(client, config, translation_service)``
    and do no I/O in the constructor.

    Args:
        config: the instance's settings: `gateway.settings.Backend`.
    """

    backend_type: str

    def __init__(self, config: Any, response_processor: Any = None) -> None:
        self.config = config
        self._response_processor = response_processor

    @abc.abstractmethod
    async def initialize(self, **kwargs: Any) -> None:
        """
        Take over credentials and settings; unknown keys are ignored.

        Called before the first request, which waits for it; and again, later, if it
        raised. The keys are ``api_key`` (may be ``None``), ``api_keys``,
        ``api_base_url`` (only where one is configured), ``models``, ``provider`` (a
        `Provider`) and all that stands below the instance's ``extra``, such as
        ``oauth_creds_path``.
        """

    @abc.abstractmethod
    async def chat_completions(
        self,
        request_data: Request,
        processed_messages: list[Any],
        effective_model: str,
        identity: Identity | None = None,
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
