"""Seals, made-up ids and the table of efforts."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.parts import Signature
from gateway.wire.effort import BUDGETS, budget_of, effort_of
from gateway.wire.ids import fit_user, is_made, make_id
from gateway.wire.json import encode, loads
from gateway.wire.seal import (
    ORIGINS,
    holds_foreign,
    seal,
    seal_bytes,
    unseal,
    unseal_bytes,
)
from gateway.wire.watching import Seen, Watching, everywhere

if TYPE_CHECKING:
    from gateway.domain.loss import Loss

ORIGIN = st.sampled_from(sorted(ORIGINS))
BASE64 = st.binary(min_size=1).map(lambda raw: base64.b64encode(raw).decode())


@given(origin=ORIGIN, dialect=ORIGIN, value=BASE64)
def test_a_seal_comes_back_to_its_issuer(origin: str, dialect: str, value: str) -> None:
    """Through whichever dialect it travelled."""
    signature = Signature(origin, value)

    assert unseal(seal(signature, dialect), dialect) == signature
    assert unseal_bytes(seal_bytes(signature, dialect), dialect) == signature


@given(origin=ORIGIN, dialect=ORIGIN, value=BASE64)
def test_a_slot_for_bytes_gets_base64(origin: str, dialect: str, value: str) -> None:
    """The SDK decodes it."""
    sealed = seal_bytes(Signature(origin, value), dialect)

    base64.b64decode(sealed, validate=True)


def test_base64_for_urls() -> None:
    """Google's JavaScript SDK writes it so."""
    sealed = seal_bytes(Signature("anthropic", "??>>"), "gemini")
    changed = sealed.replace("+", "-").replace("/", "_")

    assert unseal_bytes(changed, "gemini") == Signature("anthropic", "??>>")


@pytest.mark.parametrize("value", ["", "abc", "weather:sunny", "a:b", "%%%"])
def test_what_is_no_seal_is_the_dialects_own(value: str) -> None:
    assert unseal(value, "gemini") == Signature("gemini", value)
    assert unseal_bytes(value, "gemini") == Signature("gemini", value)


SLOTS = {
    "openai_chat": '{"reasoning_details": [{"signature":"%s"}]}',
    "openai_responses": '{"input":[{"encrypted_content" : "%s"}]}',
    "anthropic": '{"content":[{"type":"thinking","signature": "%s"}]}',
    "gemini": '{"parts":[{"text":"","thoughtSignature":"%s"}]}',
}


@pytest.mark.parametrize("dialect", sorted(SLOTS))
@given(origin=ORIGIN, value=BASE64)
def test_a_body_that_holds_anothers_seal(dialect: str, origin: str, value: str) -> None:
    """It is seen in every slot, and a dialect's own is never taken for one."""
    write = seal_bytes if dialect == "gemini" else seal
    body = SLOTS[dialect] % write(Signature(origin, value), dialect)

    assert holds_foreign(body.encode(), dialect) == (origin != dialect)


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai_chat", b'{"model": "anthropic:claude", "messages": []}'),
        ("anthropic", b'{"text": "gemini:x", "signature": "", "redacted_thinking": 1}'),
        ("openai_responses", b'{"include": ["reasoning.encrypted_content"]}'),
        ("cohere", b'{"signature": "gemini:x"}'),
    ],
)
def test_a_body_that_only_looks_so(dialect: str, body: bytes) -> None:
    assert not holds_foreign(body, dialect)


def test_long_users_are_told_apart() -> None:
    """What fits is kept; what does not always becomes the same digest."""
    losses: list[Loss] = []
    one, other = "u" * 64 + "a", "u" * 64 + "\ud800"

    assert fit_user(None, losses) is None
    assert fit_user("u" * 64, losses) == "u" * 64
    assert losses == []
    assert fit_user(one, losses) == fit_user(one, []) != fit_user(other, losses)
    assert [loss.path for loss in losses] == ["user", "user"]


def test_made_ids_are_stable_and_known_again() -> None:
    assert make_id("resp_1", 0) == make_id("resp_1", 0)
    assert make_id("resp_1", 0) != make_id("resp_1", 1)
    assert is_made(make_id("\ud800", 0))
    assert not is_made("call_abc")
    assert not is_made(make_id(1) + "x")


def test_efforts_and_budgets() -> None:
    assert budget_of("medium") == 8192
    assert budget_of("enormous") is None
    assert [effort_of(n) for n in (0, 1, 1024, 8192, 24576, 10**6)] == [
        *("none", "low", "low", "medium", "high", "high"),
    ]
    for word in ("none", "low", "medium", "high"):
        assert effort_of(BUDGETS[word]) == word


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"\\ud800"', "\ud800"),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
    ],
)
def test_loads_what_others_write(text: str, value: object) -> None:
    assert loads(text.encode()) == value
    assert loads(text) == value


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"NaN", "NaN is no number"),
        (b"\xff", "utf-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_loads_refuses_by_one_kind_of_error(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        loads(data)


def test_loads_text_with_a_surrogate_in_it() -> None:
    """What one decoder read, the next can read again."""
    assert loads('"\ud800"') == "\ud800"


def test_a_lone_surrogate_goes_through() -> None:
    assert encode(loads('"a\\ud800"')) == b'"a\\ud800"'


def test_everywhere_spots_each_event() -> None:
    data = b'event: a\ndata: {"a":{}}\n\n: x\n\ndata: {"b":1}\n\ndata: {"c'

    assert [data[at : at + 4] for at in everywhere(data)] == [b'{"a"', b'{"b"', b'{"c']
    assert list(everywhere(b": nothing\n\n")) == []


def test_watching_defaults_to_every_event() -> None:
    watching = Watching(lambda data, event: Seen(id=event))

    assert watching.ending(b"data: {}\n\n") == b""
    assert watching.spots(b"{}") == [0]
