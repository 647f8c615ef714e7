"""What may differ where a Responses exchange goes through the domain and back."""

from __future__ import annotations

from typing import Any, TypeAlias

from tests.contract.identity import Deviation

Frames: TypeAlias = list[tuple[str, Any]]

_ENDS = ("response.completed", "response.incomplete")


def _named(frames: Frames) -> Frames:
    return [(name or json["type"], json) for name, json in frames]


def _unpadded(frames: Frames) -> Frames:
    for _, json in frames:
        json.pop("obfuscation", None)
    return frames


def _items(frames: Frames, *kinds: str) -> list[dict[str, Any]]:
    """Return the items in the frames of these *kinds*."""
    items: list[dict[str, Any]] = []
    for _, json in frames:
        if json["type"] in kinds:
            items += [json["item"]] if "item" in json else json["response"]["output"]
    return items


def _without_early_seals(frames: Frames) -> Frames:
    for item in _items(frames, "response.output_item.added"):
        item.pop("encrypted_content", None)
    return frames


def _with_one_seal(frames: Frames) -> Frames:
    done = _items(frames, "response.output_item.done")
    seals = {item.get("id"): item.get("encrypted_content") for item in done}
    for item in _items(frames, *_ENDS):
        if item.get("encrypted_content"):
            item["encrypted_content"] = seals[item["id"]]
    return frames


def _rounded(frames: Frames) -> Frames:
    for item in _items(frames, "response.output_item.done", *_ENDS):
        for part in item.get("content") or ():
            for token in part.get("logprobs") or ():
                token["logprob"] = round(token["logprob"], 6)
    return frames


def _parts_without_logprobs(frames: Frames) -> Frames:
    for _, json in frames:
        if json["type"] == "response.content_part.done" and "logprobs" in json["part"]:
            json["part"]["logprobs"] = []
    return frames


def _one_behind_the_other(frames: Frames) -> Frames:
    def place(frame: tuple[str, Any]) -> float:
        json = frame[1]
        after = float("inf") if json["type"] in _ENDS else -1
        index: float = json.get("output_index", after)
        return index

    return _renumbered(sorted(frames, key=place))


def _without_done_of_inputs(frames: Frames) -> Frames:
    done = "response.custom_tool_call_input.done"
    return _renumbered([frame for frame in frames if frame[1]["type"] != done])


def _renumbered(frames: Frames) -> Frames:
    for number, (_, json) in enumerate(frames):
        json["sequence_number"] = number
    return frames


def _abridged(frames: Frames) -> Frames:
    places: dict[int, int] = {}
    for _, json in frames:
        if "output_index" in json:
            place = places.setdefault(json["output_index"], len(places))
            json["output_index"] = place
        json.pop("logprobs", None)
        for part in (json, json.get("part", {})):
            if "text" in part:
                part["text"] = ""
    for item in _items(frames, "response.output_item.done", *_ENDS):
        for part in item["content"]:
            part["text"] = ""
    return _renumbered(frames)


DEVIATIONS: dict[str, Deviation] = {
    "event lines": Deviation(
        "stream",
        "OpenRouter names its events in the JSON only; we write the line, too, as "
        "OpenAI does.",
        _named,
    ),
    "padding": Deviation(
        "stream",
        "`obfuscation` is random padding of the transport.",
        _unpadded,
    ),
    "early seals": Deviation(
        "stream",
        "The `encrypted_content` of an item that begins is provisional; OpenAI "
        "tells clients to take that of `output_item.done`.",
        _without_early_seals,
    ),
    "seals anew": Deviation(
        "stream",
        "OpenAI seals the same thought anew for `response.completed`; we repeat "
        "the seal of `output_item.done`.",
        _with_one_seal,
    ),
    "rounded logprobs": Deviation(
        "stream",
        "OpenAI rounds probabilities in whole items; we repeat those of the deltas.",
        _rounded,
    ),
    "logprobs of parts": Deviation(
        "stream",
        "As in recorded traffic, `content_part.done` has no logprobs; they are in "
        "the text's own events and in the item.",
        _parts_without_logprobs,
    ),
    "one item at a time": Deviation(
        "stream",
        "Items that are told interleaved come out one behind the other.",
        _one_behind_the_other,
    ),
    "missing ends": Deviation(
        "stream",
        "A hand-made case lacks sequence numbers and the end of a custom tool's input.",
        _without_done_of_inputs,
    ),
    "abridged": Deviation(
        "stream",
        "A recording of which deltas and an item were cut away: whole texts are "
        "then more than the deltas, and numbers have gaps.",
        _abridged,
    ),
}
