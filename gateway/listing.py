"""The models that a backend has, as it lists them."""

from __future__ import annotations

import msgspec

from gateway.domain.errors import BackendError

MAX_MODEL_LIST = 16 * 1024 * 1024


def model_ids(body: bytes) -> tuple[str, ...]:
    """
    Return the names in a list of models, in whatever shape providers give it.

    They are in the order of the alphabet: some providers' own changes each time.

    OpenAI, Anthropic and most have rows with an ``id`` below ``data``; Gemini,
    Cohere and Ollama rows with a ``name`` below ``models``, which Gemini begins
    with ``models/``.

    Raises:
        BackendError: it is none.
    """
    try:
        json = msgspec.json.decode(body)
    except msgspec.DecodeError as exc:
        raise BackendError("the list of models is not JSON") from exc
    rows, member = json, "id"  # Together: a bare list
    if isinstance(json, dict):
        rows = json.get("data")
        if rows is None and "models" in json:
            rows, member = json["models"], "name"
    if not isinstance(rows, list):
        raise BackendError("the list of models has no rows")
    names = (row.get(member) for row in rows if isinstance(row, dict))
    texts = (name for name in names if isinstance(name, str) and name)
    return tuple(sorted({name.removeprefix("models/") for name in texts}))
