"""
What the exchange needs of the store of responses.

This module is light: it is loaded at every start, the store at its first use.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.domain.request import Request
    from gateway.store.base import ResponseStore

_DIALECT = "openai_responses"


@frozen
class Recalled:
    """
    A request for a response, with what it referred to in it.

    Attributes:
        body: what goes on in place of the client's body.
        remember: to be awaited with the whole response object before its last
            bytes go to the client, who may refer to it at once; never raises.
            ``None``: nothing is to be kept.
        previous: the id that the client referred to, where *body* has the items
            themselves instead of it.
    """

    body: bytes = field(repr=False)
    remember: Callable[[Json], Awaitable[None]] | None = None
    previous: str | None = None

    def shown(self, request: Request) -> Request:
        """
        Return *request*, read of `body`, as the client's own words had it.

        It is for the writer of the answer, which repeats the reference.
        """
        if self.previous is None:
            return request
        own = {
            **request.extras.get(_DIALECT, {}),
            "previous_response_id": self.previous,
        }
        return evolve(request, extras={**request.extras, _DIALECT: own})


class Responses(Protocol):
    """
    Answers that clients refer to by id.

    Attributes:
        store: what they are kept in.
    """

    store: ResponseStore

    async def recall(
        self,
        caller: str,
        backend: str,
        stores: bool,
        body: bytes,
        *,
        passes: bool = False,
    ) -> Recalled:
        """
        Resolve what *body* refers to, and prepare to keep its answer.

        Args:
            caller: who asks; others' answers are not there for them.
            backend: the name of the one that will answer.
            stores: the request goes untouched to a provider who keeps answers.
            body: as the client wrote it, and as the front's ``peek`` took it.
            passes: it goes untouched to the backend, whether that keeps or not.

        Raises:
            InvalidRequestError: an answer that is not there, or a way of asking
                that the gateway does not offer.
        """

    async def close(self) -> None: ...
