from __future__ import annotations

import copy
import gc
import json
import pickle
import traceback
from weakref import WeakValueDictionary

import attrs
import cattrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import secret
from gateway.secret import Secret, redact, redact_bytes

VALUE = "hunter2-hunter2"


@attrs.frozen
class Holder:
    secret: Secret


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        "{}".format,
        "{!r:>20}".format,
        "{:>20}".format,
        lambda s: "%s %r" % (s, s),  # noqa: UP031
        lambda s: repr(Holder(s)),
        lambda s: repr(attrs.asdict(Holder(s))),
        lambda s: repr(cattrs.unstructure(Holder(s))),
        lambda s: json.dumps({"secret": s}, default=str),
        lambda s: repr({s: [s]}),
        lambda s: repr(copy.deepcopy(Holder(s))),
        lambda s: repr(copy.copy(s)),
    ],
)
def test_shown(shown) -> None:
    """No common way of showing a value shows a secret."""
    assert VALUE not in shown(Secret(VALUE))
    assert "***" in shown(Secret(VALUE))


@pytest.mark.parametrize(
    "written", [pickle.dumps, json.dumps, msgspec.json.encode, vars, bytes]
)
def test_not_written(written) -> None:
    """What cannot mask it refuses it."""
    with pytest.raises(TypeError) as caught:
        written(Secret(VALUE))

    assert VALUE not in "".join(traceback.format_exception(caught.value))


def test_reveal() -> None:
    assert Secret(VALUE).reveal() == VALUE


@pytest.mark.parametrize("value", ["a", "ключ", "\udcff", ""])
def test_equal(value: str) -> None:
    """Secrets compare by value, whatever bytes the environment had in them."""
    assert Secret(value) == Secret(value)
    assert hash(Secret(value)) == hash(Secret(value))
    assert Secret(value) != Secret(value + "b")
    assert Secret(value) != value


def test_known_value() -> None:
    """A live secret is masked wherever it stands, in URLs and JSON too."""
    kept = Secret('pass"wörd\\1')

    assert redact('say pass"wörd\\1!') == "say ***!"
    assert redact(json.dumps(kept.reveal(), ensure_ascii=False)) == '"***"'
    assert redact("/x/pass%22w%C3%B6rd%5C1") == "/x/***"
    assert redact_bytes('\xff"pass"wörd\\1"'.encode()) == '\xff"***"'.encode()


def test_longest_first() -> None:
    """A secret that begins with another leaves nothing of itself behind."""
    short, long = Secret("abcdef"), Secret("abcdefghij")

    assert redact("abcdefghij abcdef") == "*** ***"
    assert short != long


def test_secret_made_later() -> None:
    """A value is known from the moment its secret exists."""
    assert redact("later-on") == "later-on"

    kept = Secret("later-on")

    assert redact("later-on") == "***"
    assert kept


def test_secret_gone() -> None:
    """A value of which no secret is left is forgotten with the next one made."""
    kept = Secret("forget-me")
    del kept
    gc.collect()
    other = Secret("another-one")

    assert redact("forget-me") == "forget-me"
    assert other


def test_short_secret() -> None:
    """Short values are words; masking them would spoil every text."""
    kept = Secret("model")

    assert redact("the model") == "the model"
    assert kept


def test_none_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any secret the shapes are still masked."""
    monkeypatch.setattr(secret, "_live", WeakValueDictionary())
    monkeypatch.setattr(secret, "_known", {})

    assert redact("plain text, Bearer abc") == "plain text, Bearer ***"
    assert redact_bytes(b"plain text, Bearer abc") == b"plain text, Bearer ***"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("'authorization': 'bearer abc'", "'authorization': 'bearer ***'"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("Incorrect key: sk-proj-abcDEF_123.", "Incorrect key: ***."),
        ("AIzaSyA-1234567890", "***"),
        ("GET /v1/models?key=abc&alt=sse HTTP", "GET /v1/models?key=***&alt=sse HTTP"),
        ("?a=1&access_token=abc", "?a=1&access_token=***"),
        ("x-api-key: abc", "x-api-key: ***"),
        ("{'x-goog-api-key': 'abc'}", "{'x-goog-api-key': '***'}"),
        ("http://user:pass@proxy:3128/", "http://***@proxy:3128/"),
    ],
)
def test_shapes(text: str, masked: str) -> None:
    """What looks like a key is masked although nobody has told us about it."""
    assert redact(text) == masked
    assert redact_bytes(text.encode()) == masked.encode()


@pytest.mark.parametrize(
    "text",
    [
        "the risk-assessment of a task-oriented model",
        "a basic question",
        "max_tokens=5, keyboard=yes",
        "http://127.0.0.1:8080/v1?alt=sse",
        "bearer",
        "mail me@example.com",
    ],
)
def test_no_shape(text: str) -> None:
    """What only resembles a key stays readable."""
    assert redact(text) == text


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "piece", ["a-", "&a", "?key", "bearer ", "://", "api-key", "authorization", " "]
)
def test_hostile_text(piece: str) -> None:
    """No text that an upstream can send makes masking slow."""
    redact(piece * 100_000)


@given(st.text(min_size=6), st.text(), st.text())
def test_never_left(value: str, before: str, after: str) -> None:
    """Whatever the value and its surroundings, it is gone afterwards."""
    kept = Secret(value)

    redacted = redact(before + value + after)

    # The mask itself may be (a part of) the secret.
    assert value not in redacted or "*" in value
    assert kept
