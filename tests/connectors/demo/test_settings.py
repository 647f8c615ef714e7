from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.demo.settings import MODELS, PARAMETERS, Settings, read_settings
from gateway.plugin import InvalidRequestError, RoutingError


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("hello", Settings("hello")),
        ("hello?", Settings("hello")),
        ("lorem", Settings("lorem", tokens=120, rate=50)),
        ("lorem?tokens=0&rate=0.5", Settings("lorem", tokens=0, rate=0.5)),
        ("slow", Settings("slow", first=5)),
        ("slow?first=0", Settings("slow")),
        (
            "fail?status=429&retry_after=2.5",
            Settings("fail", status=429, after=0, retry_after=2.5),
        ),
        ("cut?after=3&seed=7", Settings("cut", after=3, seed=7)),
        ("tools?parallel=2", Settings("tools", parallel=2)),
    ],
)
def test_names(name: str, settings: Settings) -> None:
    assert read_settings(name) == settings


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("helo", "did you mean hello?"),
        ("", "there are hello, lorem,"),
        ("gpt-4o", "there are hello, lorem,"),
        ("\ud800", "'\\ud800'; there are"),
    ],
)
def test_unknown_model(name: str, hint: str) -> None:
    """The error names the model that was probably meant, or all of them."""
    with pytest.raises(RoutingError) as raised:
        read_settings(name)

    assert hint in raised.value.message
    assert raised.value.status_code == 404
    assert raised.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("lorem?token=5", "lorem takes no 'token'; did you mean tokens?"),
        ("lorem?status=429", "lorem takes no 'status'; there are tokens, rate"),
        ("lorem?tokens=5&tokens=6", "tokens is given twice"),
        ("lorem?tokens", "expected parameters as in lorem?tokens=200&rate=50"),
        ("lorem?tokens=", "tokens must be an integer from 0 to 100000, not ''"),
        ("lorem?tokens=1.5", "an integer from 0 to 100000, not '1.5'"),
        ("lorem?tokens=100001", "an integer from 0 to 100000, not '100001'"),
        ("lorem?tokens=-1", "an integer from 0 to 100000, not '-1'"),
        ("lorem?rate=nan", "rate must be a number from 0 to 10000, not 'nan'"),
        ("lorem?rate=inf", "a number from 0 to 10000, not 'inf'"),
        ("lorem?rate=fast", "a number from 0 to 10000, not 'fast'"),
        ("fail?status=200", "status must be an integer from 400 to 599, not '200'"),
        ("tools?parallel=0", "parallel must be an integer from 1 to 16"),
        ("lorem?seed=" + "9" * 5000, "seed must be an integer from 0"),
    ],
)
def test_wrong_query(name: str, why: str) -> None:
    """A parameter is never ignored or clamped: the caller is told."""
    with pytest.raises(InvalidRequestError) as raised:
        read_settings(name)

    assert why in raised.value.message
    assert raised.value.param == "model"
    assert len(raised.value.message) < 200


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", PARAMETERS)
def test_bounds(model: str, name: str) -> None:
    """Each model takes what it says it takes, from the least to the most."""
    bounds = PARAMETERS[name].least, PARAMETERS[name].most
    taken = name in (
        *MODELS[model].takes,
        "tokens",
        "rate",
        "first",
        "seed",
        "parallel",
    )

    for value in bounds:
        if taken:
            assert getattr(read_settings(f"{model}?{name}={value}"), name) == value
        else:
            with pytest.raises(InvalidRequestError, match="takes no"):
                read_settings(f"{model}?{name}={value}")


@given(st.sampled_from(["", *MODELS]), st.text())
def test_any_query(model: str, query: str) -> None:
    """Any name is understood, or refused with a plain sentence."""
    try:
        read_settings(f"{model}?{query}")
    except (RoutingError, InvalidRequestError) as error:
        message = error.message
    else:
        message = ""
    assert message.isascii()
