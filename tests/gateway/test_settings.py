from __future__ import annotations

import attrs
import pytest

from gateway.settings import (
    Backend,
    Limits,
    Log,
    Route,
    Server,
    Settings,
    Timeouts,
    Tls,
)


def test_defaults_are_closed() -> None:
    """Without a word of configuration only this machine is let in."""
    assert Settings().server.listen == ("127.0.0.1:8080",)
    assert Settings().server.api_keys == ()


def test_upstream_connections_are_dropped_first() -> None:
    """
    An idle upstream connection is given up before uvicorn and llama.cpp, which
    wait 5 s, close theirs.
    """
    assert Limits().keep_alive < 5


@pytest.mark.parametrize(
    "cl", [Settings, Server, Log, Backend, Timeouts, Limits, Tls, Route]
)
def test_frozen(cl: type) -> None:
    """Settings do not change under those who hold them."""
    some = cl("a", "b:c") if cl is Route else cl()

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(some, attrs.fields(cl)[0].name, None)
