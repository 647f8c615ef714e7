"""The words that the demo says."""

from __future__ import annotations

import re
from itertools import chain, cycle, islice
from random import Random

HELLO = """\
Hello! You are talking to the demo, a part of the gateway that answers by itself: \
no key, no provider, no network behind it. Everything else is real. Your request came \
in through the same door as any other, it was routed by the name of its model, and \
these words travel back to you one by one, each in its own event, as soon as they exist.

That is what the gateway does for every model. You keep the client library that you \
have and change one thing, the address. Behind that address you can put any provider, \
or several, or a server under your own desk. If you leave in the middle of an answer, \
the work behind it stops at once. And if an answer breaks, you are told so: half an \
answer never passes for a whole one.

Try another name next: `demo:think`, `demo:tools`, `demo:lorem?tokens=500&rate=100`, \
or see what your program makes of `demo:cut`. Have fun!\
"""
THOUGHTS = """\
The caller chose the model that thinks aloud, so there should be some thoughts first. \
A thought need not be long to be seen. It only has to come before the answer, and in \
its own kind of event.\
"""
THOUGHT = """\
That was me thinking, and this is the answer. Thoughts and answer come apart from each \
other, so your program can show the one, fold it away, or leave it out.\
"""
REFUSAL = "I'm sorry, but I can't help with that: I am the model that always refuses."
NO_TOOLS = """\
You chose the model that calls tools, but your request offers none. Give it a list of \
`tools`, and I will call one with arguments made after its schema.\
"""
CALLING = "Let me look that up for you. "
LATE = "Sorry to keep you waiting. I was told to take my time before the first word."
INPUT = "an example of free text, from the demo"
_WORDS = """
a ac amet ante arcu at augue blandit commodo congue cras cum dapibus diam dictum
dolor donec dui efficitur eget elit enim erat est et eu ex facilisis fames felis
fusce gravida hac iaculis id in ipsum justo lacus laoreet lectus leo libero
ligula lobortis lorem luctus magna massa mattis mauris metus mi mollis morbi nam
nec neque nibh nisl non nulla nunc odio orci pede porta proin purus quam quis
risus rutrum sapien sed sem sit sociis sodales suscipit tellus tempor tincidunt
tortor turpis ultrices urna ut varius vel velit vestibulum vitae vivamus
volutpat vulputate
""".split()  # noqa: SIM905 - a list of a hundred lines is no better
_TOKEN = re.compile(r"\s*\S{1,24}|\s+")


def tokens_of(text: str, most: int) -> list[str]:
    """Return the first *most* tokens: words, each with the space before it."""
    return [match.group() for match in islice(_TOKEN.finditer(text), most)]


def stretched(tokens: list[str], length: int) -> list[str]:
    """Return *tokens* again and again, or fewer of them, *length* in all."""
    again = [f" {token}" for token in tokens[:1]] + tokens[1:]
    return list(islice(chain(tokens, cycle(again)), length))


def lorem(length: int, seed: int) -> list[str]:
    """Return *length* tokens of sentences that mean nothing, the same per *seed*."""
    random = Random(seed)  # noqa: S311 - repeatable is the point
    tokens: list[str] = []
    while len(tokens) < length:
        words = random.choices(_WORDS, k=random.randint(4, 14))
        gap = "\n\n" if tokens and random.random() < 0.1 else " "
        tokens += [
            (gap if tokens else "") + words[0].capitalize(),
            *(f" {word}" for word in words[1:-1]),
            f" {words[-1]}.",
        ]
    return tokens[:length]
