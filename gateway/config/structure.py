"""Plain values into `gateway.settings`, strictly: nothing is coerced or dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from attrs import evolve, fields_dict, has
from cattrs import BaseValidationError, Converter, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn

from gateway.config import values
from gateway.config.problems import KeyPath, RefusedError, did_you_mean
from gateway.config.texts import read_text
from gateway.config.tree import Text
from gateway.config.variables import read_secret
from gateway.secret import Secret
from gateway.settings import Backend, IdentityHeader, Kind, Settings

# What `timeout` stands for.
_LONG_CLOCKS = ("first_event", "idle")


class NotSettingsError(Exception):
    """*mistakes* are pairs of path and message, all there are."""

    def __init__(self, mistakes: list[tuple[KeyPath, str]]) -> None:
        super().__init__(mistakes)
        self.mistakes = mistakes


def structure(root: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """
    Make `Settings` of *root*.

    Args:
        root: nested dicts and lists; text that came without a type is `Text`.
        environ: knows where systemd has put credentials.

    Raises:
        NotSettingsError: with every mistake in *root*.
    """
    try:
        return _converter(environ).structure(root, Settings)
    except BaseValidationError as exc:
        raise NotSettingsError(list(_mistakes(exc, ()))) from exc


def _mistakes(exc: Exception, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    path += _step(exc)
    match exc:
        case BaseValidationError():
            for inner in exc.exceptions:
                yield from _mistakes(inner, path)
        case ForbiddenExtraKeysError():
            known = fields_dict(exc.cl)
            for name in exc.extra_fields:
                yield (*path, name), f"unknown key; {did_you_mean(name, known)}"
        case KeyError():
            yield path, "is missing"
        case RefusedError():
            yield path, str(exc)
        case _:
            raise AssertionError from exc


def _step(exc: Exception) -> KeyPath:
    """Give the step to *exc* from the class or list that it arose in."""
    for note in getattr(exc, "__notes__", ()):
        # cattrs hangs on notes that know an attribute's name, an item's index.
        return (getattr(note, "name", None) or note.index,)
    return ()


def _converter(environ: Mapping[str, str]) -> Converter:
    made = Converter(detailed_validation=True)
    made.register_structure_hook(str, lambda value, _: values.text(value))
    made.register_structure_hook(bool, lambda value, _: values.truth(value))
    made.register_structure_hook(Secret, lambda value, _: _secret(value, environ))
    made.register_structure_hook_func(_made_of(Literal), _one_of)
    made.register_structure_hook_factory(has, partial(_section_hook, made))
    made.register_structure_hook_factory(_made_of(tuple), partial(_list_hook, made))
    made.register_structure_hook_factory(_made_of(dict), partial(_mapping_hook, made))
    made.register_structure_hook_factory(_has_kind, partial(_kind_hook, made))
    return made


def _made_of(origin: Any) -> Callable[[Any], bool]:
    return lambda wanted: get_origin(wanted) is origin


def _secret(value: Any, environ: Mapping[str, str]) -> Secret:
    if not isinstance(value, str):
        hint = "; quote it" if isinstance(value, bool | int | float) else ""
        raise RefusedError(
            f"expected a secret as text, got {values.nature(value)}{hint}",
        )
    return read_secret(value, environ)


def _one_of(value: Any, wanted: Any) -> Any:
    words = get_args(wanted)
    if value not in words:
        listed = ", ".join(words)
        raise RefusedError(f"expected one of {listed}; got {values.shown(value)}")
    return str(value)


Hook = Callable[[Any, Any], Any]


def _section_hook(converter: Converter, cl: type[Any]) -> Hook:
    inner = make_dict_structure_fn(cl, converter, _cattrs_forbid_extra_keys=True)
    if cl is IdentityHeader:
        return lambda value, _: inner(_section(_said_shortly(value)), cl)
    if cl is Backend:
        return lambda value, _: _with_timeout(inner(_section(value), cl), value)
    return lambda value, _: inner(_section(value), cl)


def _said_shortly(value: Any) -> Any:
    """Return the section that a lone text stands for: a mode, or what is sent."""
    if not isinstance(value, str) or (isinstance(value, Text) and value[:1] == "{"):
        return value
    modes = get_args(get_type_hints(IdentityHeader)["mode"])
    return {"mode" if value in modes else "value": value}


def _with_timeout(made: Backend, value: Any) -> Backend:
    if made.timeout is None:
        return made
    said = _section(_section(value).get("timeouts"))
    clocks = {name: made.timeout for name in _LONG_CLOCKS if name not in said}
    return evolve(made, timeouts=evolve(made.timeouts, **clocks))


def _mapping_hook(converter: Converter, wanted: Any) -> Hook:
    inner = Converter.gen_structure_mapping(converter, wanted)
    return lambda value, _: inner(_section(value), wanted)


def _section(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Text):
        value = read_text(value)
    # `server:` with every line below it commented out.
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedError(f"expected a section of keys, got {values.nature(value)}")
    return value


def _list_hook(converter: Converter, wanted: Any) -> Hook:
    item = get_args(wanted)[0]
    items = list[item]  # type: ignore[valid-type]
    # One text for a list of texts is a list of one.
    lone = not has(item)

    def read(value: Any, _: Any) -> tuple[Any, ...]:
        if isinstance(value, Text) and (not lone or _is_flow_list(value)):
            value = read_text(value)
        if value is None:
            return ()
        if lone and isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            raise RefusedError(f"expected a list, got {values.nature(value)}")
        return tuple(converter.structure(value, items))

    return read


def _is_flow_list(text: str) -> bool:
    # `[::1]:8080` is an address.
    return text.startswith("[") and text.endswith("]")


def _has_kind(wanted: Any) -> bool:
    return get_origin(wanted) is Annotated and isinstance(wanted.__metadata__[0], Kind)


def _kind_hook(converter: Converter, wanted: Any) -> Hook:
    kind = wanted.__metadata__[0]
    if kind.name == "extra":
        return lambda value, _: _plain(dict(_section(value)))
    if read := values.RAW.get(kind.name):
        return lambda value, _: read(kind, value)
    check, inner = values.CHECKED[kind.name], wanted.__origin__
    return lambda value, _: check(kind, converter.structure(value, inner))


def _plain(value: Any) -> Any:
    """Rid *value* of `Text`: plugins get what YAML gives."""
    match value:
        case Text(source=None):
            return read_text(value)
        case str():
            return str(value)
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case _:
            return value
