"""The list of gateways that a request has passed."""

from __future__ import annotations

from contextvars import copy_context

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.domain.errors import RequestLoopError
from gateway.loops import (
    LONGEST,
    LOOP_GUARD,
    OWN_ID,
    carry,
    ensure_loop_guard_header,
    guard_value,
    hops,
    pass_on,
)
from gateway.sessions import make_session
from gateway.settings import Backend
from tests.upstream import Upstream, reply


def passing(*values: str, most: int) -> str:
    """Return what a request with *values* carries on."""
    headers = CIMultiDictProxy(CIMultiDict((LOOP_GUARD, value) for value in values))

    def run() -> str:
        pass_on(headers, most)
        return guard_value()

    return copy_context().run(run)


@pytest.mark.parametrize(
    ("values", "most", "carried"),
    [
        (["1"], 1, "1"),
        (["a,b"], 2, "a, b"),
        ([" a , b ,"], 2, "a, b"),
        (["a", "b"], 2, "a, b"),
        (["x" * 64], 1, "x" * 64),
    ],
)
def test_passes_on(values: list[str], most: int, carried: str) -> None:
    assert passing(*values, most=most) == f"{carried}, {OWN_ID}"
    assert guard_value() == OWN_ID


@pytest.mark.parametrize(
    ("value", "most", "said"),
    [
        ("1", 0, "has passed another gateway"),
        ("", 0, "has passed another gateway"),
        ("OWN", 0, "has come back"),
        ("a,OWN, b", 9, "has come back"),
        ("a,b,c", 2, "has passed 3 gateways"),
        ("", 2, "is not a list"),
        ("a b", 2, "is not a list"),
        ("x" * 65, 2, "is not a list"),
        ("a," * LONGEST, 1_000_000, "is not a list"),
    ],
)
def test_refuses(value: str, most: int, said: str) -> None:
    with pytest.raises(RequestLoopError, match=said) as caught:
        passing(value.replace("OWN", OWN_ID), most=most)

    assert (caught.value.status_code, guard_value()) == (508, OWN_ID)


def test_hops_are_bounded() -> None:
    """What is read, and compared, is no longer than a header of ours."""
    assert len(hops(",".join("a" * 1000))) == 1000
    assert hops("a," * LONGEST) == []


@pytest.mark.parametrize("name", [LOOP_GUARD, "X-LLMProxy-Loop-Guard"])
def test_ensured_once(name: str) -> None:
    assert ensure_loop_guard_header({name: "mine"}) == {name: "mine"}
    assert ensure_loop_guard_header({"a": "b"}) == {"a": "b", LOOP_GUARD: OWN_ID}


@pytest.mark.parametrize("guard", [True, False])
async def test_of_a_plugin(*, guard: bool) -> None:
    """A backend that sends requests itself need not know that there is a guard."""
    session = make_session(Backend(loop_guard=guard), lent=True)
    async with session, Upstream(reply({})) as up:
        await session.get(up.url)
        carry("a")
        await session.get(up.url)

    told = [request.header(LOOP_GUARD) for request in up.requests]
    assert told == ([OWN_ID, f"a, {OWN_ID}"] if guard else [None, None])
