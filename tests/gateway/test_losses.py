"""What is said of losses, in a header and in a refusal."""

from __future__ import annotations

import pytest

from gateway import losses
from gateway.domain.errors import InvalidRequestError
from gateway.domain.loss import Loss, approximate, dropped, refused

PATHS = {"turns": "messages", "sampling.n": "n", "sampling.": "", "sampling": "s"}


def test_header() -> None:
    found = [dropped("sampling.seed", "no seed"), approximate("reasoning.effort")]

    assert losses.header(found) == "sampling.seed=dropped, reasoning.effort=approximate"


def test_header_is_bounded() -> None:
    """By number and by length, and it says how many it leaves out."""
    many = [dropped(f"tools[{i}].strict") for i in range(30)]
    long = [dropped(f"{i}" + "x" * 500) for i in range(30)]

    assert losses.header(many).count("=") == losses.MOST_SHOWN
    assert losses.header(many).endswith(", +10 more")
    assert len(losses.header(long)) < losses.LONGEST_HEADER + len(", +30 more")
    assert losses.header(long).endswith(" more")


def test_header_holds_no_line_end() -> None:
    """A path may hold a name that the caller made up."""
    assert losses.header([dropped("a\r\nx-evil: 1, b=\u2028é")]) == (
        "a??x-evil:?1??b???=dropped"
    )


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("turns[2].parts[0]", "messages[2].parts[0]"),
        ("turns", "messages"),
        ("turnstile", "turnstile"),
        ("sampling.n", "n"),
        ("sampling.number", "number"),
        ("sampling", "s"),
        ("tools[0].strict", "tools[0].strict"),
    ],
)
def test_param(path: str, param: str) -> None:
    """The longest beginning that is known is put into the dialect's words."""
    assert losses.param(path, PATHS) == param


def check(*found: Loss, strict: bool = False) -> None:
    losses.check(found, PATHS, "gemini", strict=strict)


def test_what_is_left_out_passes() -> None:
    check()
    check(dropped("sampling.seed"), approximate("reasoning"))


def test_refused() -> None:
    """Who asks for four answers must not get one."""
    with pytest.raises(InvalidRequestError) as caught:
        check(dropped("sampling.seed"), refused("sampling.n", "one answer only"))

    error = caught.value
    assert (error.status_code, error.code) == (400, "unsupported_by_backend")
    assert error.param == "n"
    assert error.message == (
        "the backend (gemini) cannot take this request as it is: n (one answer only)"
    )
    assert error.details == {
        "losses": [{"path": "sampling.n", "grade": "refused", "why": "one answer only"}]
    }


def test_strict() -> None:
    """A route that must not lose anything gives the whole list."""
    found = [dropped(f"turns[{i}].name") for i in range(30)]

    with pytest.raises(InvalidRequestError, match="and 10 more") as caught:
        check(*found, strict=True)

    assert caught.value.param == "messages[0].name"
    assert "messages[0].name (dropped)" in caught.value.message
    assert len(caught.value.details["losses"]) == 30
