"""One member changes; every other byte stays, whatever JSON allows it to be."""

from __future__ import annotations

import json
import time
from typing import TypeAlias

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.jsonsplice import members, remove, rename, replace

Pairs: TypeAlias = list[tuple[str, object]]


@frozen
class Piece:
    """A member as it is spelt, with the blanks around it."""

    name: str
    key: str
    value: str
    blanks: tuple[str, str, str, str]

    def spelt(self, value: str) -> str:
        before, colon, after, end = self.blanks
        return f"{before}{self.key}{colon}:{after}{value}{end}"


@frozen
class Body:
    """An object put together from known pieces, which is what makes it a reference."""

    pieces: tuple[Piece, ...]
    before: str
    after: str

    def text(self, name: str | None = None, value: str = "") -> bytes:
        """Return the JSON, with *value* in each member that is called *name*."""
        inner = ",".join(
            piece.spelt(value if piece.name == name else piece.value)
            for piece in self.pieces
        )
        return f"{self.before}{{{inner}}}{self.after}".encode()


blanks = st.text(" \t\r\n", max_size=3)
escapes = st.sampled_from([r"\"", r"\\", r"\/", r"\b", r"\n", r"\u0041", r"\u00e9"])
surrogates = st.sampled_from([r"\ud800", r"\uDFFF", r"\ud83d\ude00", r"\\ud800"])
letters = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\', exclude_categories=["Cc"]),
    max_size=4,
)
structure = st.sampled_from(["{", "}", "[", "]", ",", ":", "\u2028", "\x7f"])
strings = st.lists(letters | escapes | surrogates | structure, max_size=5).map(
    lambda pieces: f'"{"".join(pieces)}"'
)
scalars = st.sampled_from(
    [
        *("0", "-0", "1.5e-7", "1E400", "true", "false", "null"),
        *("12345678901234567890123", "-9223372036854775809", '""', "[]", "{}", "[ ]"),
    ]
)


def array(items: list[str], gap: str) -> str:
    return f"[{gap}{f',{gap}'.join(items)}{gap}]"


def nested(items: list[tuple[str, str]], gap: str) -> str:
    return f"{{{f'{gap},'.join(f'{gap}{key}{gap}:{value}' for key, value in items)}}}"


keys = st.sampled_from(['"model"', '"a"', r'"\u0061"', '"stream_options"'])
values = st.recursive(
    scalars | strings,
    lambda inner: (
        st.builds(array, st.lists(inner, max_size=3), blanks)
        | st.builds(nested, st.lists(st.tuples(keys, inner), max_size=3), blanks)
    ),
    max_leaves=6,
)
plain = st.sampled_from(["model", "a", "b", "", "stream", "a:b", "{", "\u00e9", "\x7f"])


def escaped(name: str) -> str:
    return '"' + "".join(f"\\u{ord(char):04x}" for char in name) + '"'


named = st.one_of(
    plain.map(lambda name: (name, f'"{name}"')),
    plain.map(lambda name: (name, escaped(name))),
    st.sampled_from(
        [
            ('"', r'"\""'),
            ("\\", r'"\\"'),
            ("\U0001f600", r'"\ud83d\ude00"'),
            ("mode", r'"mod\u0065"'),
        ]
    ),
)
pieces = st.builds(
    lambda name, value, gaps: Piece(name[0], name[1], value, gaps),
    named,
    values,
    st.tuples(blanks, blanks, blanks, blanks),
)
bodies = st.builds(Body, st.lists(pieces, max_size=6).map(tuple), blanks, blanks)


@given(bodies)
def test_members(body: Body) -> None:
    """Names and spans are those of the pieces, in order, duplicates and all."""
    text = body.text()

    found = members(text)

    assert [(name, text[a:b].decode()) for name, _, (a, b) in found] == [
        (piece.name, piece.value) for piece in body.pieces
    ]
    assert [text[a:b].decode() for _, (a, b), _ in found] == [
        piece.spelt(piece.value).strip(" \t\r\n") for piece in body.pieces
    ]


@given(bodies, plain, values)
def test_replace(body: Body, name: str, value: str) -> None:
    """Only the values of that name change; a missing one is put in front."""
    text = body.text()

    changed = replace(text, name, value.encode())

    if any(piece.name == name for piece in body.pieces):
        assert changed == body.text(name, value)
    else:
        head, _, tail = text.partition(b"{")
        comma = "," if body.pieces else ""
        assert changed == head + f'{{"{name}":{value}{comma}'.encode() + tail


@given(bodies, plain)
def test_remove(body: Body, name: str) -> None:
    """The others stay, byte for byte, and what is left is JSON."""
    left = remove(body.text(), name)

    rest = [piece for piece in body.pieces if piece.name != name]
    assert [(n, left[a:b].decode()) for n, _, (a, b) in members(left)] == [
        (piece.name, piece.value) for piece in rest
    ]
    assert [pair[0] for pair in _pairs(left)] == [piece.name for piece in rest]
    if len(rest) == len(body.pieces):
        assert left == body.text()


def _pairs(body: bytes) -> Pairs:
    found: list[Pairs] = []

    def note(pairs: Pairs) -> Pairs:
        found.append(pairs)
        return pairs

    json.loads(body, object_pairs_hook=note)
    return found[-1]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b'{"a":1}', b"{}"),
        (b'{ "a" : 1 }', b"{  }"),
        (b'{"a":1,"b":2}', b'{"b":2}'),
        (b'{"b":2,"a":1}', b'{"b":2}'),
        (b'{"b":2 , "a":1 }', b'{"b":2 }'),
        (b'{"a":1,"b":2,"a":3}', b'{"b":2}'),
        (b'{"a":1,"a":3}', b"{}"),
        (b'{"b":{"a":1}}', b'{"b":{"a":1}}'),
    ],
)
def test_removed(body: bytes, left: bytes) -> None:
    assert remove(body, "a") == left


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"b":22,"a":{"k":0          ,"b":3}}',
        b'{"a":12,"b":22,"a":1}',
        b'{"b":22,"a":12,"a":1}',
        b'{"a":1,"b":22,"a":12}',
    ],
)
def test_duplicates_mislead_nobody(body: bytes) -> None:
    """Of duplicates a decoder shows the last, whose length is not the first's."""
    assert replace(body, "b", b"9") == body.replace(b"22", b"9")


def test_lone_surrogate_in_a_name() -> None:
    """No name of ours has one; the member is there without a name."""
    body = rb'{"\ud800":1,"model":"m"}'

    assert [name for name, _, _ in members(body)] == ["", "model"]
    assert replace(body, "model", b'"x"') == rb'{"\ud800":1,"model":"x"}'


def test_no_text_in_a_name() -> None:
    """A server's bytes may be anything; this is no reason to fail."""
    body = b'{"\xff\\n":1,"\xfe":2,"a":3}'

    assert [name for name, _, _ in members(body)] == ["", "\ufffd", "a"]


@pytest.mark.parametrize("body", [b'{"a":[1', b'{"a":{"b":"}', b"{x}", b'{"a":1', b"{"])
def test_no_json(body: bytes) -> None:
    """Who calls has checked; if not, there is an error and no endless loop."""
    with pytest.raises(ValueError, match="JSON"):
        members(body)


MB = 1024 * 1024
LARGE = {
    "text": b'"' + b"x" * (5 * MB) + b'"',
    "escapes": b'"' + rb"\"" * (5 * MB // 2) + b'"',
    "brackets in text": b'["' + b"[{]}" * (5 * MB // 4) + b'"]',
    "words": b"[" + b'"ab",' * MB + b'"c"]',
    "numbers": b"[" + b"0.25," * MB + b"1]",
    "messages": b"[" + b'{"role":"user","content":"hello"},' * (MB // 7) + b"{}]",
    "empty objects": b"[" + b"{}," * (5 * MB // 6) + b"{}]",
    "blanks": b"[" + b" \n" * (5 * MB // 2) + b"]",
}


@pytest.mark.parametrize("case", LARGE)
@pytest.mark.parametrize("twice", ["", '"b":0,"b":1,'], ids=["once", "duplicates"])
def test_linear_time(case: str, twice: str) -> None:
    """A body of 5 MB is a matter of milliseconds, and never of its square."""
    body = b"{%b%b}" % (twice.encode(), b'"a":%b,"model":"x"' % LARGE[case])
    before = time.process_time()

    changed = replace(body, "model", b'"y"')

    assert changed == body[:-3] + b'y"}'
    assert time.process_time() - before < 5


def test_many_members() -> None:
    body = b"{" + b",".join(b'"k%d":1' % i for i in range(200_000)) + b"}"
    before = time.process_time()

    assert replace(body, "k199999", b"22") == body[:-2] + b"22}"
    assert time.process_time() - before < 5


def test_many_duplicates() -> None:
    """Taking them out one by one would be quadratic."""
    body = b"{" + b'"a":1,' * 100_000 + b'"b":1}'
    before = time.process_time()

    assert remove(body, "a") == b'{"b":1}'
    assert time.process_time() - before < 5


def test_deeper_than_the_decoder_goes() -> None:
    """Python's own stack does not decide; the steps have none."""
    deep = b"[" * 100_000 + b"]" * 100_000

    assert replace(b'{"a":%b,"b":1}' % deep, "b", b"2") == b'{"a":%b,"b":2}' % deep


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a"}',
        b'{ "stream": true ,\n "model"  :\t"a" , "messages": []}',
        b'{"model":"a\\"b","x":{"model":"inner"}}',
        b'{"messages":[{"content":"model"}],"model":"a"}',
        b'{"mod\\u0065l":"a","x":"\\u0041"}',
        b'{"text":"\\"model\\": \\"no\\"","model":"a"}',
    ],
)
@pytest.mark.parametrize("name", ["b", 'quo"ted', "\u00e9"])
def test_rename(body: bytes, name: str) -> None:
    """The quick way changes the same bytes as the thorough one, and no others."""
    renamed = rename(body, "model", name)

    assert renamed == replace(
        body, "model", json.dumps(name, ensure_ascii=False).encode()
    )
    assert json.loads(renamed) == json.loads(body) | {"model": name}
