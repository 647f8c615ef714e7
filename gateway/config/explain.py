"""The effective settings as a person reads them, secrets masked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from attrs import fields, has

from gateway.config.values import write_seconds, write_size
from gateway.secret import MASK, Secret

if TYPE_CHECKING:
    from gateway.settings import Kind, Settings

_SECRET_NAME = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)


def explain(
    settings: Settings, notes: Mapping[str, Sequence[str]] | None = None
) -> str:
    """
    Write what is set as the YAML that gives it; secrets are ``***``.

    Args:
        notes: backends' names to what is written below them as comments.
    """
    import yaml  # see `gateway.config.texts`

    text = yaml.safe_dump(
        _plain(settings, None), sort_keys=False, allow_unicode=True, width=88
    )
    return _noted(text, [(notes or {}).get(name, ()) for name in settings.backends])


def _noted(text: str, notes: Iterable[Sequence[str]]) -> str:
    """Put *notes*, one for each backend in turn, into what `explain` has written."""
    before, mark, after = text.partition("\nbackends:\n")
    rest, lines = iter(notes), []
    for line in after.splitlines():
        # Two blanks and no more: a name, as long as the section lasts.
        is_name = line[:2] == "  " and line[2:3] not in (" ", "-")
        lines += [
            line,
            *(f"    # {note}" for note in (next(rest, ()) if is_name else ())),
        ]
    return before + mark + "".join(f"{line}\n" for line in lines)


def _plain(value: Any, kind: Kind | None) -> Any:
    match value:
        case Secret():
            return MASK
        case tuple():
            return [_plain(item, None) for item in value]
        case Mapping():
            extra = kind is not None and kind.name == "extra"
            items = (_masked(value) if extra else value).items()
            return {name: _plain(inner, None) for name, inner in items}
        case _ if has(type(value)):
            kinds = kinds_of(type(value))
            return {
                attribute.name: _plain(
                    getattr(value, attribute.name), kinds.get(attribute.name)
                )
                for attribute in fields(type(value))
                if getattr(value, attribute.name) is not None
            }
        case _:
            return in_units(value, kind)


def in_units(value: Any, kind: Kind | None) -> Any:
    if kind and kind.name == "seconds":
        return write_seconds(value)
    if kind and kind.name == "size":
        return write_size(value)
    return value


def kinds_of(cl: type[Any]) -> dict[str, Kind]:
    hints = get_type_hints(cl, include_extras=True)
    return {
        name: part.__metadata__[0]
        for name, hint in hints.items()
        for part in (hint, *get_args(hint))  # `Seconds | None` has it inside
        if hasattr(part, "__metadata__")
    }


def _masked(extra: Any) -> Any:
    """Mask what has the name of a secret: nobody has told us what `extra` holds."""
    match extra:
        case Mapping():
            return {
                name: MASK if _SECRET_NAME.search(name) else _masked(value)
                for name, value in extra.items()
            }
        case list():
            return [_masked(item) for item in extra]
        case _:
            return extra
