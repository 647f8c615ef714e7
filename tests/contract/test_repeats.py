"""The shortcut for frames that repeat: without it, everything is the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import Ledger
from gateway.rendering import Decoded, Rendering
from gateway.wire.repeats import Run
from gateway.wire.sse import SseFramer
from tests.contract import protocols
from tests.contract.cases import CLIENTS, UPSTREAMS, streams
from tests.contract.mutations import few
from tests.streams import cuts

if TYPE_CHECKING:
    from gateway.wire.reading import Framer

REPEATING = ("openai_chat", "anthropic", "mistral")


class Translated:
    """What a client was told of a stream, chunk by chunk, and what was noted."""

    def __init__(
        self,
        client: str,
        upstream: str,
        framer: Framer,
        chunks: list[bytes],
        *,
        shortcut: bool,
    ) -> None:
        context = protocols.context(client, stream=True)
        self.writer = protocols.front(client).writer(context)
        self.source = Decoded(framer, protocols.translator(upstream).reader())
        relay = Rendering(Ledger("r", client, "chat", 0), self.source, self.writer)
        if not shortcut:
            self.source._repeats = None
        self.said = [*map(relay.feed, chunks), relay.eof()]
        fault = relay.fault
        self.noted = (
            self.said,
            relay.ledger,
            self.writer.losses,
            self.writer.result,
            None if fault is None else (type(fault), str(fault), fault.code),
            relay.progress,
            relay.begun,
            relay.ended,
        )


def agree(client: str, upstream: str, framer: Any, chunks: list[bytes]) -> None:
    short, long = (
        Translated(client, upstream, framer(), chunks, shortcut=shortcut)
        for shortcut in (True, False)
    )
    assert short.noted == long.noted


def runs(upstream: str, framer: Framer, chunks: list[bytes]) -> list[Run]:
    """Return the runs that a reader who gathers them finds."""
    source = Decoded(framer, protocols.translator(upstream).reader())
    source.gather()
    told: list[Any] = [told for chunk in chunks for told in source.feed(chunk)]
    return [one for one in told if isinstance(one, Run)]


@pytest.mark.recordings
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
def test_recordings(client: str, upstream: str) -> None:
    """Of every recording the client hears the same, however the network cuts it."""
    for case in streams(upstream):
        # Byte by byte, the chunks in between would bring nothing.
        for size in (1 if len(case.body) < 1500 else 7, 4096, 1 << 20):
            agree(
                client,
                upstream,
                lambda c=case: protocols.framer(c),
                cuts(case.body, size),
            )


@pytest.mark.recordings
@pytest.mark.parametrize("upstream", REPEATING)
def test_recordings_repeat(upstream: str) -> None:
    """Real streams do repeat themselves: the shortcut is not for show."""
    found = [
        text
        for case in streams(upstream)
        for run in runs(upstream, protocols.framer(case), [case.body])
        for text in run.texts
    ]

    assert len(found) > 40


# -- made streams: a frame, an opening and an end for each form

TEXT = b"%TEXT%"


def _data(said: object, name: str = "") -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + json.dumps(said, separators=(",", ":")).encode() + b"\n\n"


def _chat(delta: object, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _data({"id": "c", "model": "m", "choices": [choice], **more})


def _anthropic(kind: str, **more: object) -> bytes:
    return _data({"type": kind, **more}, kind)


def _block(part: object, delta: object) -> tuple[bytes, bytes, bytes]:
    opening = _anthropic("message_start", message={"id": "m", "model": "m"})
    opening += _anthropic("content_block_start", index=0, content_block=part)
    word = _anthropic("content_block_delta", index=0, delta=delta)
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    closing = _anthropic("content_block_stop", index=0)
    closing += _anthropic("message_delta", delta=end, usage={"output_tokens": 3})
    return opening, word, closing + _anthropic("message_stop")


def _of_chat(delta: object, **more: Any) -> tuple[bytes, bytes, bytes]:
    opening = _chat({"role": "assistant", "content": ""}, **more)
    done = _chat({}, "stop") + b"data: [DONE]\n\n"
    return opening, _chat(delta, **more), done


WORD = "%TEXT%"
_MODEL_LAST = _data(
    {"choices": [{"index": 0, "delta": {"content": WORD}}], "model": "m"}
)
TOOL = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
FORMS: dict[str, tuple[str, tuple[bytes, bytes, bytes]]] = {
    "chat": ("openai_chat", _of_chat({"content": WORD})),
    "chat, model last": (
        "openai_chat",
        (*_of_chat({"content": WORD})[:1], _MODEL_LAST, _of_chat({})[2]),
    ),
    "chat thoughts": (
        "openai_chat",
        _of_chat({"content": None, "reasoning_content": WORD}, usage=None),
    ),
    "chat padded": (
        "openai_chat",
        _of_chat({"content": WORD}, system_fingerprint="f", obfuscation="pad"),
    ),
    "mistral": ("mistral", _of_chat({"content": WORD}, p="pad")),
    "anthropic text": (
        "anthropic",
        _block({"type": "text", "text": ""}, {"type": "text_delta", "text": WORD}),
    ),
    "anthropic thoughts": (
        "anthropic",
        _block(
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": WORD},
        ),
    ),
    "anthropic call": (
        "anthropic",
        _block(TOOL, {"type": "input_json_delta", "partial_json": WORD}),
    ),
}

# The inside of a string as JSON has it, in either spelling, and what is none.
words = st.one_of(
    st.text(max_size=6),
    st.text(
        st.sampled_from('aé"\\/\n\t\x7f\u2028\u2029😀\x00'), min_size=1, max_size=5
    ),
    st.sampled_from(["stop", "m", "content", "?", ",", ":", "%TEXT%", "0", "pad"]),
)
inner = st.one_of(
    words.map(lambda text: json.dumps(text)[1:-1].encode()),
    words.map(lambda text: json.dumps(text, ensure_ascii=False)[1:-1].encode()),
    st.sampled_from(
        [
            *(b"", b"\\/", b"\\u0061", b"\\ud83d\\ude00", b"\\ud800", b"a\\udc00b"),
            *(b"\\", b'"', b'a","b', b'a","index":1,"x":"', b'" ', b' "', b"\xff"),
            *(
                b"\xc3",
                b"\t",
                b"\x00",
                b"\\x",
                b"\\u12",
                b'","text":"',
                b'"},"a":{"b":"',
            ),
            *(b"\r", b"a\n", b"a\ndata: b", b"a\n\nb"),
        ]
    ),
)
# What else may differ, of which not all may be overlooked.
changes = st.sampled_from(
    [
        *(
            (b"pad", b"longerpad"),
            (b"pad", b""),
            (b"pad", b'"'),
            (b"pad", b"p\\u0061d"),
        ),
        *((b"}\n\n", b"    }\n\n"), (b"}\n\n", b"\t}\n\n"), (b"}\n\n", b"}}\n\n")),
        *((b"null", b'"stop"'), (b'"m"', b'"n"'), (b"0", b"1"), (b"\n", b"\r\n")),
        *((b"data:", b"event: error\ndata:"), (b"data: {", b'data: {"error":{},')),
        *((b'"id"', b'"ID"'), (b"delta", b"other"), (b'"usage":null', b'"usage":{}')),
    ]
)
frames = st.lists(
    st.tuples(inner, st.one_of(st.none(), st.none(), st.none(), changes)), max_size=14
)


def _stream(form: tuple[bytes, bytes, bytes], said: Any) -> bytes:
    opening, word, closing = form
    body = opening
    for inside, change in said:
        frame = word.replace(*change) if change else word
        body += frame.replace(TEXT, inside)
    return body + closing


@pytest.mark.parametrize("name", FORMS)
@few(40)
@given(
    client=st.sampled_from(CLIENTS),
    said=frames,
    size=st.sampled_from([7, 90, 400, 4096, 1 << 20]),
)
def test_any_text(client: str, name: str, said: Any, size: int) -> None:
    """Whatever stands in the string or changes around it is taken as it always was."""
    upstream, form = FORMS[name]

    agree(client, upstream, SseFramer, cuts(_stream(form, said), size))


SAME = (b"a", None)
ODD: dict[str, list[Any]] = {
    "none says anything": [(b"", None)] * 3,
    "only the last says something": [(b"", None), (b"", None), (b"x", None)],
    "a string that is one quote": [SAME] * 4 + [(b"", (b'"%TEXT%"', b'"'))],
    "the same words elsewhere": [(b"\\u006d", None)] * 4
    + [(b"\\u006d", (b'"m"', b'"n"'))],
    "an event of another name": [SAME] * 4
    + [(b"b", (b"data:", b"event: error\ndata:"))],
    "an error": [SAME] * 4 + [(b"b", (b"data: {", b'data: {"error":{"message":"e"},'))],
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("odd", ODD)
def test_odd(client: str, name: str, odd: str) -> None:
    """What nearly repeats is read by the reader."""
    upstream, form = FORMS[name]

    agree(client, upstream, SseFramer, [_stream(form, ODD[odd])])


@pytest.mark.parametrize("name", FORMS)
def test_escapes(name: str) -> None:
    """Texts in any spelling are runs, and come out as they were meant."""
    upstream, form = FORMS[name]
    texts = ["a", " b", "\u2028", '"', "\\", "😀", "\x7f", "\n", "é" * 9]
    for ascii_only in (True, False):
        said = [json.dumps(t, ensure_ascii=ascii_only)[1:-1].encode() for t in texts]
        body = _stream(
            form,
            [(b"?", None), (b"two", None), (b"3", None), *((s, None) for s in said)],
        )

        (run,) = runs(upstream, SseFramer(), [body])

        assert run.texts[-len(texts) :] == texts
