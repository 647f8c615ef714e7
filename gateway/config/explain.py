"""The effective settings as a person reads them, secrets masked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

import yaml
from attrs import fields, has

from gateway.config.values import write_seconds, write_size
from gateway.secret import MASK, Secret

if TYPE_CHECKING:
    from gateway.settings import Kind, Settings

_SECRET_NAME = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)


def explain(settings: Settings) -> str:
    """Write what is set as the YAML that gives it; secrets are ``***``."""
    return yaml.safe_dump(
        _plain(settings, None), sort_keys=False, allow_unicode=True, width=88
    )


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
        name: hint.__metadata__[0]
        for name, hint in hints.items()
        if hasattr(hint, "__metadata__")
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
