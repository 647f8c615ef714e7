"""The tables in ``docs/configuration.md``, made from `gateway.settings`."""

from __future__ import annotations

import inspect
import re
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from attrs import NOTHING, fields, has

from gateway.config.explain import in_units, kinds_of
from gateway.secret import Secret
from gateway.settings import (
    Auth,
    Backend,
    Identity,
    IdentityHeader,
    Limits,
    Log,
    Responses,
    Route,
    Server,
    Settings,
    Timeouts,
    Tls,
)

BEGIN = "<!-- Made by `python -m gateway.config docs/configuration.md`: begin -->\n"
END = "<!-- end -->\n"

_SECTIONS: dict[str, type[Any]] = {
    "The whole": Settings,
    "`server`": Server,
    "`log`": Log,
    "`backends.NAME`": Backend,
    "`backends.NAME.auth`": Auth,
    "`backends.NAME.identity`": Identity,
    "`backends.NAME.identity.*`": IdentityHeader,
    "`backends.NAME.timeouts`": Timeouts,
    "`backends.NAME.limits`": Limits,
    "`backends.NAME.tls`": Tls,
    "`routes`": Route,
    "`responses`": Responses,
}
_WORDS = {str: "text", bool: "`true` or `false`", Secret: "secret"}


def renewed(document: str) -> str:
    """Return *document* with what is between the marks made anew."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


def reference() -> str:
    return "\n".join(_section(title, cl) for title, cl in _SECTIONS.items())


def _section(title: str, cl: type[Any]) -> str:
    about, meanings = _read_docstring(cl)
    hints = get_type_hints(cl, include_extras=True)
    kinds = kinds_of(cl)
    rows = [
        f"| `{attribute.name}` | {_type(hints[attribute.name])}"
        f" | {_default(attribute.default, kinds.get(attribute.name))}"
        f" | {meanings[attribute.name]} |\n"
        for attribute in fields(cl)
    ]
    head = "| key | type | default | meaning |\n| --- | --- | --- | --- |\n"
    return f"### {title}\n\n{about}\n\n{head}{''.join(rows)}"


def _read_docstring(cl: type[Any]) -> tuple[str, dict[str, str]]:
    about, _, listed = (inspect.getdoc(cl) or "").partition("\n\nAttributes:\n")
    meanings = {
        name: " ".join(meaning.split())
        for name, meaning in re.findall(
            r"^    (\w+): (.+(?:\n {8}.+)*)", listed, re.MULTILINE
        )
    }
    return " ".join(about.split()), meanings


def _type(hint: Any) -> str:
    origin = get_origin(hint)
    inner = [arg for arg in get_args(hint) if arg not in {type(None), Ellipsis}]
    if origin is Annotated:
        return str(hint.__metadata__[0].shown)
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in inner)
    if origin in {Union, UnionType}:
        return _type(inner[0])
    if origin is tuple:
        return f"list: {_type(inner[0])}"
    if origin is dict:
        return f"{_type(inner[0])}: {_type(inner[1])}"
    return "section" if has(hint) else _WORDS[hint]


def _default(default: Any, kind: Any) -> str:
    if default is NOTHING:
        return "required"
    if default == () or hasattr(default, "factory"):
        return "none"
    if default is None or has(type(default)):
        return ""
    if isinstance(default, tuple):
        return ", ".join(f"`{item}`" for item in default)
    shown = "`true`" if default is True else "`false`"
    return shown if isinstance(default, bool) else f"`{in_units(default, kind)}`"
