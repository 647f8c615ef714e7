"""Fuzz: whatever a client sends is understood or refused with the place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import InvalidRequestError
from gateway.wire.json import encode
from tests.contract import protocols
from tests.contract.cases import CLIENTS, UPSTREAMS, Asked
from tests.contract.mutations import few, mutated, nasty
from tests.contract.probes import PLAIN, REQUESTS

FEW = few(250)


@pytest.mark.parametrize("client", CLIENTS)
def test_broken_values(client: str) -> None:
    """A 400 with a path, or a request that every connector can write."""
    bodies = [*REQUESTS[client].values()]

    @FEW
    @given(st.data())
    def holds(data: Any) -> None:
        body = data.draw(mutated(data.draw(st.sampled_from(bodies))))
        _take(client, json.dumps(body).encode())

    holds()


@pytest.mark.parametrize("client", CLIENTS)
def test_any_json(client: str) -> None:
    """Even where nothing is as it should be."""
    for value in (None, [], {}, "x", 5, True, [PLAIN[client]], {"model": None}):
        _take(client, json.dumps(value).encode())


@pytest.mark.parametrize("client", CLIENTS)
def test_any_bytes(client: str) -> None:
    whole = encode(PLAIN[client])
    broken = (b"", b"\xff\xfe", b"{", whole[:-1], whole + b"}", b"[" * 5000, b"NaN")
    for body in broken:
        with pytest.raises(InvalidRequestError):
            _read(client, body)


@pytest.mark.parametrize("client", CLIENTS)
@FEW
@given(name=st.text(max_size=8), value=nasty)
def test_unknown_member(client: str, name: str, value: Any) -> None:
    """A newer client must not fail: what is not known rides along."""
    body = {**PLAIN[client], f"x_{name}": value}

    _read(client, json.dumps(body).encode())


def _read(client: str, body: bytes) -> Any:
    return protocols.read_asked(Asked(client, "fuzz", body))


def _take(client: str, body: bytes) -> None:
    try:
        request = _read(client, body)
    except InvalidRequestError as refusal:
        found = refusal
    else:
        for upstream in UPSTREAMS:
            json.dumps(protocols.translator(upstream).write_request(request).body)
        return
    assert found.param or found.code == "invalid_json" or _no_object(body), found
    assert found.status_code == 400


def _no_object(body: bytes) -> bool:
    return not isinstance(json.loads(body), dict)
