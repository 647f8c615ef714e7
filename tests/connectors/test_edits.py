"""Edits change one member of a body, and no other byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.edits import default, drop, rename, role

if TYPE_CHECKING:
    from gateway.plugin import Edit

# A number, a name and spaces that decoding and encoding would not keep.
BODY = b'{ "a" : 1e400, "b": {"a": 2},\t"c": "\\u00fc" }\n'


def edited(edit: Edit, body: bytes, operation: str = "chat") -> bytes:
    headers = {"x": "y"}
    made = edit(body, headers, operation)
    assert headers == {"x": "y"}
    return made


@pytest.mark.parametrize(
    ("edit", "arrives"),
    [
        (drop("b"), b'{ "a" : 1e400, "c": "\\u00fc" }\n'),
        (drop("a", "c"), b'{ "b": {"a": 2} }\n'),
        (drop("x"), BODY),
        (default("d", [True, None]), b'{"d":[true,null],' + BODY[1:]),
        (default("b", 7), BODY),
        (rename("b", "d"), b'{"d":{"a": 2}, "a" : 1e400, "c": "\\u00fc" }\n'),
        (rename("b", "a"), b'{ "a" : 1e400, "c": "\\u00fc" }\n'),
        (rename("x", "d"), BODY),
    ],
)
def test_members(edit: Edit, arrives: bytes) -> None:
    """What is not meant stays as it is, also where it looks alike deeper down."""
    assert edited(edit, BODY) == arrives


@pytest.mark.parametrize(
    "edit",
    [
        drop("a", of=("embeddings",)),
        default("d", 1, of=("embeddings", "completions")),
        rename("a", "d", of=("embeddings",)),
    ],
)
def test_operations(edit: Edit) -> None:
    """An edit for some operations leaves the others alone."""
    assert edited(edit, BODY) == BODY
    assert edited(edit, BODY, "embeddings") != BODY


ROLES = role("developer", "system")


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        (b'[{"role": "developer", "x": 1e400}]', b'[{"role": "system", "x": 1e400}]'),
        (
            b'[ {"role": "user"}, {"role":"developer"} ]',
            b'[{"role": "user"},{"role":"system"}]',
        ),
        (b'[ {"role": "user", "content": "\\"developer\\""} ]', None),
        (b'[ {"role": "user", "content": ["developer"]}, 7 ]', None),
        (b'[ {"role": "user", "developer": "developer"} ]', None),
        (b'"developer"', None),
        (b"[]", None),
    ],
)
def test_roles(sent: bytes, arrives: bytes | None) -> None:
    """A role is renamed where it is one; whoever has none keeps every byte."""
    body = b'{ "messages" : %b , "n": 1.50 }'

    assert edited(ROLES, body % sent) == body % (sent if arrives is None else arrives)


def test_roles_of_other_operations() -> None:
    body = b'{"messages": [{"role": "developer"}]}'

    assert edited(ROLES, body, "embeddings") == body


def test_roles_of_what_is_no_text() -> None:
    """A body that cannot be read is for the provider to refuse."""
    body = b'{"messages": [{"role": "developer", "content": "\xff"}]}'

    assert edited(ROLES, body) in (body, body.replace(b"developer", b"system"))
