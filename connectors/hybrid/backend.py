"""Asks one model to think, shows its thoughts, and asks another one to answer."""

from __future__ import annotations

import random
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from attrs import evolve

from connectors.hybrid.asking import is_first
from connectors.hybrid.leg import inside
from connectors.hybrid.run import Run
from connectors.hybrid.selector import read_pair
from connectors.hybrid.settings import read_settings
from gateway.domain.fold import Fold
from gateway.plugin import (
    ConfigurationError,
    InvalidRequestError,
    LLMBackend,
    ResponseEnvelope,
    ServiceUnavailableError,
    StreamingResponseEnvelope,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.hybrid.selector import Pair
    from gateway.domain.request import Request
    from gateway.plugin import Identity, Provider


class HybridBackend(LLMBackend):
    """
    Answers by means of two other models; ``docs/hybrid.md`` has the whole story.

    Args:
        chance: a number from 0 to 1, anew at each call.

    Raises:
        ConfigurationError: its ``extra`` is not as it should be.
    """

    backend_type = "hybrid"

    def __init__(
        self,
        client: Any,
        config: Any,
        translation_service: Any,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(config)
        del client, translation_service  # others talk, and translate
        self.settings = read_settings(getattr(config, "extra", None) or {})
        self._provider: Provider | None = None
        self._chance = chance

    async def initialize(self, **kwargs: Any) -> None:
        """Take the ``provider``, through which the models are asked."""
        self._provider = kwargs.get("provider")

    def get_available_models(self) -> list[str]:
        """Return the names of our own; pairs beside them are without number."""
        return list(self.settings.models)

    async def chat_completions(
        self,
        request_data: Request,
        processed_messages: list[Any],
        effective_model: str,
        identity: Identity | None = None,
        **kwargs: Any,  # noqa: ARG002 - the contract's
    ) -> ResponseEnvelope | StreamingResponseEnvelope:
        """
        Answer with the pair of models that *effective_model* names.

        Raises:
            InvalidRequestError: it names none, or more is asked than a pair can do.
            ConfigurationError: hybrid models are switched off.
            BackendError: one of the two failed; its code says which.
        """
        request = request_data
        if processed_messages:
            request = evolve(request, turns=tuple(processed_messages))
        pair = self._pair(effective_model, request)
        if self._provider is None:
            raise ServiceUnavailableError(
                "the hybrid backend is not initialized yet", code="not_ready"
            )
        first = is_first(request)
        thinks = first or self._chance() < self.settings.probability
        run = Run(self._provider, pair, request, identity, self.settings, thinks=thinks)
        await run.open()
        pieces = run.pieces()
        if request.stream:
            return StreamingResponseEnvelope(
                pieces, cancel_callback=run.cancel, losses=run.losses
            )
        folding = Fold()
        async with aclosing(pieces):
            async for piece in pieces:
                for event in piece.content:
                    folding.feed(event)
        reply = folding.reply()
        return ResponseEnvelope(
            reply, run.headers, usage=reply.usage, losses=run.losses
        )

    def _pair(self, model: str, request: Request) -> Pair:
        if not self.settings.enabled:
            raise ConfigurationError(
                "hybrid models are switched off here (extra.enabled)",
                code="hybrid_backend_disabled",
                param="model",
            )
        if inside.get():
            raise InvalidRequestError(
                "a hybrid model is not made of hybrid models",
                code="invalid_hybrid_model",
                param="model",
            )
        if request.sampling.n not in (None, 1):
            raise InvalidRequestError(
                "hybrid models give one answer at a time", param="n"
            )
        return self.settings.models.get(model) or read_pair(model)
