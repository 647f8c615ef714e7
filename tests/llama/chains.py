"""What our models say, as data; tests compare answers with it."""

from __future__ import annotations

from attrs import frozen


@frozen
class Chain:
    """
    What a model says.

    Attributes:
        pieces: the text, a token each; no two are equal.
        thought: pieces said before, between the tags of reasoning.
        loops: start again after the last piece instead of ending.
        drag: rows of dead weight per token, to make the model slow.
    """

    pieces: tuple[str, ...]
    thought: tuple[str, ...] = ()
    loops: bool = False
    drag: int = 0

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def tokens(self) -> int:
        """Tokens of one run through the chain, tags and end token included."""
        tags = 2 if self.thought else 0
        return len(self.thought) + tags + len(self.pieces) + 1


def words(count: int, letter: str = "w") -> tuple[str, ...]:
    """Return the pieces of ``w00 w01 w02 ...``."""
    return tuple(f"{' ' if n else ''}{letter}{n:02d}" for n in range(count))


# One token each, so the arguments of a call arrive in fragments. The tokens of a
# vocabulary differ, so the second call is cut at other places than the first.
_ONE_CALL = (
    "<tool_call>",
    '\n{"name": "',
    "get_weather",
    '", "arguments": ',
    '{"city": "',
    "Brno",
    '", "days": 3',
    "}}",
    "\n</tool_call>",
)
_OTHER_CALL = (
    "\n<tool",
    "_call>",
    '\n{"name"',
    ': "',
    "get_time",
    '", "arguments"',
    ': {"zone',
    '": "',
    "CET",
    '"}}',
    "\n</tool",
    "_call>\n",
)

# Letters of two, three and four bytes, and a separator that ends no line of an
# event stream although it ends one of `str.splitlines`.
SPEECH = Chain(
    (*words(36), " \u00e9t\u00e9", " \u6f22\u5b57", " \U0001f680", "\u2028z")
)
THOUGHT = Chain(words(12), thought=words(8, "t"))
CALLS = Chain((*_ONE_CALL, *_OTHER_CALL))
# About 150 tokens a second: half a minute until the context is full.
ENDLESS = Chain(words(40), loops=True, drag=65_536)

# What CALLS calls.
CALLED = [
    ("get_weather", '{"city": "Brno", "days": 3}'),
    ("get_time", '{"zone": "CET"}'),
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "days": {"type": "integer"},
                },
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "get_time",
            "parameters": {
                "type": "object",
                "properties": {"zone": {"type": "string"}},
            },
        },
    },
]
