"""
Thoughts, for which the dialect has four names, none of them OpenAI's.

``reasoning_content`` is DeepSeek's and most others', ``reasoning`` OpenRouter's,
Groq's and Ollama's, ``thinking`` is rare. ``reasoning_details`` is a list of the
thoughts with their seals, which OpenRouter and Vercel's gateway send beside one of
the others, and want back. It is here that seals of other dialects are carried.

A thought's extras tell how it was said: ``{"reasoning": None}`` by which name,
``{"reasoning_details": {...}}`` the members of its item beside text and seal.

Source: https://openrouter.ai/docs/guides/best-practices/reasoning-tokens,
https://api-docs.deepseek.com/guides/reasoning_model
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Thinking
from gateway.wire.openai_chat.names import PROTOCOL, extras_of, own
from gateway.wire.seal import seal, unseal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.domain.parts import Extras, Signature
    from gateway.domain.reply import Json

NAMES = ("reasoning_content", "reasoning", "thinking")
DETAILS = "reasoning_details"
# What an item of ``reasoning_details`` calls its text, by its type.
TEXTS = {"reasoning.text": "text", "reasoning.summary": "summary"}
_ENCRYPTED = "reasoning.encrypted"


def text_of(item: dict[str, Json]) -> str:
    """Return the words of an item of ``reasoning_details``."""
    text = item.get(TEXTS.get(item["type"], ""))
    return text if isinstance(text, str) else ""


def seal_of(item: dict[str, Json]) -> Signature | None:
    """Return its seal, or what is encrypted in it, with the true issuer."""
    value = item.get("data" if item.get("type") == _ENCRYPTED else "signature")
    return unseal(value, PROTOCOL) if isinstance(value, str) and value else None


def key_of(item: dict[str, Json]) -> tuple[Json, ...]:
    """Return what tells items of a stream apart."""
    return (DETAILS, item.get("type"), item.get("index"), item.get("id"))


def head_of_item(item: dict[str, Json], name: str | None) -> Extras:
    """
    Return the extras of a thought that came as an item.

    What another dialect needs to know of its own thought (that it was redacted, an
    id) rode along in the item, and goes back to where it stood.

    Args:
        name: the member that says the same as plain text, if one does.
    """
    without = {"text", "summary", "signature", "data", "sealed"}
    left = {k: v for k, v in item.items() if k not in without}
    said = {DETAILS: left} | ({} if name is None else {name: None})
    issuer = seal_of(item)
    if issuer is not None and issuer.origin != PROTOCOL:
        kept = item.get("sealed")
        # The item was of our own making: it says nothing that is not said.
        extras: Extras = {} if name is None else extras_of({name: None})
        return extras | ({issuer.origin: kept} if isinstance(kept, dict) else {})
    return extras_of(said)


def read_thoughts(message: dict[str, Json]) -> list[Thinking]:
    """
    Take the thoughts out of a *message* that is whole; what is odd stays in it.

    Where there are details, the plain text that repeats them says nothing new.
    """
    name = next((n for n in NAMES if isinstance(message.get(n), str)), None)
    plain = "" if name is None else message[name]
    items = message.get(DETAILS)
    if not (isinstance(items, list) and items and all(map(known, items))):
        if not plain or name is None:
            return []
        del message[name]
        return [Thinking(plain, extras=extras_of({name: None}))]
    texts = [text_of(item) for item in items]
    told = "".join(texts) == plain or not plain
    if not told and not any(texts) and len(items) == 1:
        texts, told = [plain], True  # a client joined text and seal by itself
    if told and name is not None:
        del message[name]
    del message[DETAILS]
    said = name if told and plain else None
    return [
        Thinking(text, seal_of(item), extras=head_of_item(item, said))
        for item, text in zip(items, texts, strict=True)
    ]


def known(item: Json) -> bool:
    """Tell an item that can be read as a thought."""
    return isinstance(item, dict) and item.get("type") in {*TEXTS, _ENCRYPTED}


def write_thoughts(thoughts: Sequence[Thinking]) -> dict[str, Json]:
    """Return the members of a message that say *thoughts*."""
    if not thoughts:
        return {}
    text = "".join(thought.text for thought in thoughts)
    json: dict[str, Json] = {}
    if text and (name := name_of(thoughts)) is not None:
        json[name] = text
    if any(has_details(thought) for thought in thoughts):
        json[DETAILS] = [write_item(t, i) for i, t in enumerate(thoughts)]
    return json


def name_of(thoughts: Iterable[Thinking]) -> str | None:
    """Return the name for plain text; ``None`` if details said it alone."""
    said = [own(thought.extras) for thought in thoughts]
    for members in said:
        for name in NAMES:
            if name in members:
                return name
    return None if any(DETAILS in members for members in said) else NAMES[0]


def has_details(thought: Thinking) -> bool:
    return thought.signature is not None or DETAILS in own(thought.extras)


def write_item(thought: Thinking, index: int) -> dict[str, Json]:
    """Return the item of ``reasoning_details`` for *thought*."""
    item = dict(own(thought.extras).get(DETAILS) or {})
    signature = thought.signature
    if not item:
        hidden = signature is not None and not thought.text
        kind = _ENCRYPTED if hidden else "reasoning.text"
        item = {"type": kind, "format": "unknown", "index": index}
        if signature is not None and (kept := thought.extras.get(signature.origin)):
            item["sealed"] = kept
    kind = item.get("type", "")
    if kind != _ENCRYPTED:
        item[TEXTS.get(kind, "text")] = thought.text
    if signature is not None:
        value = seal(signature, PROTOCOL)
        item["data" if kind == _ENCRYPTED else "signature"] = value
    return item
