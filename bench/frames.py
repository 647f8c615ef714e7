"""
Translation by itself: the bytes of an event in, those of the client's out.

    python -m bench.frames
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from bench.pairs import PAIRS, TRANSLATED, Pair
from gateway.fronts.base import Ask, Context
from gateway.ledger import Ledger
from gateway.rendering import Decoded, Rendering

if TYPE_CHECKING:
    from gateway.fronts.base import Front
    from gateway.plugin import Translator

WORDS = 2000
ROUNDS = 15


def frame_us(name: str) -> float:
    """Return the median microseconds that the pair *name* takes per upstream frame."""
    pair = PAIRS[name]
    words = pair.answer.events(WORDS)
    rounds = []
    for _ in range(ROUNDS):
        feed = _translation(pair)
        feed(b"".join(words[:2]))
        began = time.perf_counter()
        for event in words[2:-4]:
            feed(event)
        rounds.append((time.perf_counter() - began) / (len(words) - 6) * 1e6)
    return statistics.median(rounds)


def _translation(pair: Pair) -> Callable[[bytes], bytes]:
    package = f"gateway.fronts.{pair.client}.front"
    front: Front = import_module(package).FRONT
    translator: Translator = import_module(
        f"connectors.{pair.upstream}"
    ).DIALECT.translator
    context = Context(Ask(pair.model, stream=True), created=1, name="bench")
    source = Decoded(translator.framer(), translator.reader())
    ledger = Ledger("1", pair.client, "chat")
    return Rendering(ledger, source, front.writer(context)).feed


def main() -> None:
    for name in TRANSLATED:
        print(f"{name}: {frame_us(name):.2f} us per frame")


if __name__ == "__main__":
    main()
