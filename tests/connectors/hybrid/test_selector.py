from __future__ import annotations

import pytest

from connectors.hybrid.selector import Leaf, Pair, read_pair
from gateway.domain.request import Sampling
from gateway.plugin import InvalidRequestError

PAIRS = {
    "[a:b,c:d]": Pair(Leaf("a:b"), Leaf("c:d")),
    " [ a:b , c:d ] ": Pair(Leaf("a:b"), Leaf("c:d")),
    "[quick,slow]": Pair(Leaf("quick"), Leaf("slow")),
    "[a:v/m:free,c:d]": Pair(Leaf("a:v/m:free"), Leaf("c:d")),
    "[a:b?temperature=0.7,c:d]": Pair(Leaf("a:b", temperature=0.7), Leaf("c:d")),
    "[a:b?top_p=0.5&top_k=7, c.eu:d?verbosity=low&reasoning_effort=none]": Pair(
        Leaf("a:b", top_p=0.5, top_k=7),
        Leaf("c.eu:d", verbosity="low", effort="none"),
    ),
    # The last one counts, and what is empty says nothing.
    "[a:b?top_k=7&top_k=8&top_p=,c:d?]": Pair(Leaf("a:b", top_k=8), Leaf("c:d")),
}


@pytest.mark.parametrize(("text", "pair"), PAIRS.items(), ids=PAIRS)
def test_pair(text: str, pair: Pair) -> None:
    """Two names, each with what is set for it."""
    assert read_pair(text) == pair


WRONG = {
    "": "no pair",
    "a:b,c:d": "no pair",
    "[a:b,c:d": "must end with ]",
    "[a:b,c:d]?temperature=1": "must end with ]",
    "[]": "expected two models, and there is one",
    "[a:b]": "expected two models, and there is one",
    "[a:b,c:d,e:f]": "expected two models, and there is 3",
    "[a:b,]": "has no name",
    "[,c:d]": "has no name",
    "[?top_k=1,c:d]": "has no name",
    "[a:b,hybrid:[c:d,e:f]]": "not made of hybrid models",
    "[a:b,c:d]]": "not made of hybrid models",
    "[a:b?max_tokens=12,c:d]": "'max_tokens' is no parameter; there are temperature",
    "[a:b?temperature=hot,c:d]": "temperature must be a number from 0 to 2, not 'hot'",
    "[a:b?temperature=2.1,c:d]": "temperature must be",
    "[a:b?temperature=nan,c:d]": "temperature must be",
    "[a:b?top_p=-1,c:d]": "top_p must be a number from 0 to 1",
    "[a:b?top_k=0,c:d]": "top_k must be a whole number from 1",
    "[a:b?top_k=1.5,c:d]": "top_k must be",
    "[a:b?top_k=1_0,c:d]": "top_k must be",
    "[a:b?reasoning_effort=much,c:d]": "reasoning_effort must be one of none,",
    "[a:b?verbosity=LOW,c:d]": "verbosity must be one of low, medium, high",
}


@pytest.mark.parametrize(("text", "why"), WRONG.items(), ids=WRONG)
def test_wrong(text: str, why: str) -> None:
    """What is no pair is refused with the reason and an example."""
    with pytest.raises(InvalidRequestError) as caught:
        read_pair(text)

    assert why in caught.value.message
    assert "for example hybrid:[" in caught.value.message
    assert (caught.value.param, caught.value.code) == ("model", "invalid_hybrid_model")


def test_comma_in_a_query() -> None:
    """It stays where no name follows, as the value that it makes wrong shows."""
    with pytest.raises(InvalidRequestError, match="not '0,5'"):
        read_pair("[a:b?temperature=0,5,c:d]")


def test_long_names_are_cut() -> None:
    """A message repeats no more of a name than it takes to know it again."""
    with pytest.raises(InvalidRequestError) as caught:
        read_pair("x" * 100_000)

    assert len(caught.value.message) < 400


def test_said_over_the_request() -> None:
    """What stands with a model's name wins; the rest is as it was asked."""
    leaf = Leaf("a:b", temperature=0.0, verbosity="low")

    asked = leaf.over(Sampling(temperature=1.0, top_p=0.3, seed=4))

    assert asked == Sampling(temperature=0.0, top_p=0.3, seed=4, verbosity="low")
