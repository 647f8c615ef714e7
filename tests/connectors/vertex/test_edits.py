"""What is changed in bodies for Vertex AI, and that nothing else is."""

from __future__ import annotations

import pytest

from connectors.vertex.edits import as_vertex_count, as_vertex_messages

VERSION = b'"anthropic_version":"vertex-2023-10-16"'


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (b'{"model":"m","a":1}', b'{%b,"a":1}' % VERSION),
        (b'{ "a" : 1e3 , "model":"m" }', b'{%b, "a" : 1e3 }' % VERSION),
        (b'{"model":"m"}', b"{%b}" % VERSION),
        (
            b'{"model":"m","a":{"model":"x"},"model":"n"}',
            b'{%b,"a":{"model":"x"}}' % VERSION,
        ),
        (
            b'{"a":"\\ud800","anthropic_version":"mine","model":"m"}',
            b'{"a":"\\ud800","anthropic_version":"mine"}',
        ),
    ],
)
@pytest.mark.parametrize("operation", ["chat", "chat_stream"])
def test_messages(body: bytes, changed: bytes, operation: str) -> None:
    """The model goes, the version comes unless it is there; all else stays."""
    assert as_vertex_messages(body, {}, operation) == changed


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("2023-06-01", b"vertex-2023-10-16"),
        ("2023-01-01", b"vertex-2023-10-16"),
        ("2026-10-21", b"2026-10-21"),
    ],
)
def test_version(said: str, sent: bytes) -> None:
    """The header's version goes into the body; a newer one as it is called."""
    headers = {"anthropic-version": said, "anthropic-beta": "b"}

    body = as_vertex_messages(b"{}", headers, "chat")

    assert body == b'{"anthropic_version":"%b"}' % sent
    assert headers == {"anthropic-beta": "b"}


def test_count_of_messages() -> None:
    """Where tokens are counted the model is in the body only."""
    assert as_vertex_messages(b'{"model":"m"}', {}, "count_tokens") == (
        b'{%b,"model":"m"}' % VERSION
    )


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (b'{ "contents": [ ] }', b'{ "contents": [ ] }'),
        (b'{"model":"models/m","contents":[]}', b'{"contents":[]}'),
        (
            (
                b'{"generateContentRequest":{"model":"models/m","contents": [1e2],'
                b'"safetySettings":[],"system_instruction":{},"tools":[],'
                b'"generationConfig":{"a":1},"toolConfig":{}}}'
            ),
            (
                b'{"contents": [1e2],"system_instruction":{},"tools":[],'
                b'"generationConfig":{"a":1}}'
            ),
        ),
        (b'{"generate_content_request":{}}', b"{}"),
    ],
)
def test_count_of_gemini(body: bytes, changed: bytes) -> None:
    """A wrapped request is unwrapped; what Vertex does not know of it goes."""
    assert as_vertex_count(body, {}, "count_tokens") == changed


def test_gemini_itself() -> None:
    """No other request of Gemini's is touched."""
    body = b'{"model":"m","generateContentRequest":{}}'

    assert as_vertex_count(body, {}, "chat") is body
