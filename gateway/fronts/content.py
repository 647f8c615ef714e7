"""Content, which three dialects write as one string or as a list of parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import Text
from gateway.fronts.fields import Fields, unexpected

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.domain.parts import Part
    from gateway.domain.reply import Json


def read_parts(
    fields: Fields,
    name: str,
    content: Json,
    read: Callable[[Json, str], Part],
    expected: str,
) -> tuple[tuple[Part, ...], bool]:
    """
    Return the parts of *content*, and whether they came as a bare string.

    Args:
        name: of the member that it is.
        read: reads one part, given its JSON and its path.
        expected: what should be there, for the message.

    Raises:
        InvalidRequestError: with the JSON path.
    """
    match content:
        case str():
            return (Text(content),), True
        case list():
            at = fields.at(name)
            parts = (read(json, f"{at}[{i}]") for i, json in enumerate(content))
            return tuple(parts), False
        case _:
            raise unexpected(fields.at(name), expected, content)
