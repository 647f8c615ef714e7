from __future__ import annotations

import attrs

from gateway.domain.events import BlockStart, MediaDelta, OpaqueDelta
from gateway.domain.parts import Media, Opaque, Signature, Thinking, ToolCall
from gateway.domain.request import Reasoning, Request, Role, Sampling, Turn


def test_prompts_stay_out_of_repr() -> None:
    """What ends up in a log by accident holds no prompt, medium or seal."""
    secret = "c2VjcmV0"
    turn = Turn(Role.USER, (Media("image", data=secret),))
    things = [
        Request("m", (turn,)),
        Media("image", data=secret, url=secret),
        MediaDelta(0, secret),
        Opaque("o", {"a": secret}),
        OpaqueDelta(0, secret),
        Thinking(signature=Signature("o", secret)),
    ]

    assert not [thing for thing in things if secret in repr(thing)]


def test_group_of_a_block() -> None:
    """A block belongs to the provider's item that its part came in."""
    assert BlockStart(0, ToolCall("a", "f", group=3)).group == 3
    assert BlockStart(0, Thinking()).group is None


def test_shortcuts() -> None:
    """What backends ask for most stands where they look for it."""
    sampling = Sampling(
        temperature=0.5,
        top_p=0.9,
        top_k=7,
        max_tokens=9,
        stop=("a",),
        n=2,
        seed=5,
        presence_penalty=0.1,
        frequency_penalty=0.2,
    )
    request = Request(
        "m", (Turn(Role.USER),), sampling=sampling, reasoning=Reasoning(effort="low")
    )

    for name in attrs.fields_dict(Sampling):
        if hasattr(request, name):
            assert getattr(request, name) == getattr(sampling, name)
    assert request.messages == request.turns
    assert request.reasoning_effort == "low"
    assert Request("m").temperature is None
