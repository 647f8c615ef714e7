"""Builds the backends that the settings ask for, each with its own session."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from attrs import evolve
from yarl import URL

from gateway.config.problems import RefusedError, did_you_mean
from gateway.config.values import url as read_url
from gateway.domain.errors import ConfigurationError
from gateway.keys import KeyPool
from gateway.loading import found as installed_points
from gateway.plugin import Account, BackendPluginDefinition, Fixed, Given
from gateway.secret import Secret
from gateway.sessions import make_lane, make_session, ssl_context
from gateway.settings import Auth, Kind, Tls
from gateway.upstream import HttpBackend
from gateway.virtual_backend import VirtualBackend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.metadata import EntryPoint

    from aiohttp import ClientSession

    from gateway.plugin import Connector, Credentials, Dialect, MakeCredentials
    from gateway.settings import Backend as BackendSettings
    from gateway.translation import TranslationService

Backend: TypeAlias = HttpBackend | VirtualBackend

# Entry points of this group make the credentials that `auth: {type: ...}` names.
CREDENTIALS_GROUP = "sluicegate_credentials"
# A pool's keys in the environment: NAME_API_KEY_1 to NAME_API_KEY_20.
POOL = range(1, 21)

_VERSION = re.compile(r"v\d")
# What every declared backend understands below `extra`.
_EXTRAS = ("speaks", "version")
_PLACE = re.compile(r"\{([a-z_]+)\}")
# What may stand in a host's name or one segment of a path.
_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def build_declared(
    name: str,
    connector: Connector,
    settings: BackendSettings,
    environ: Mapping[str, str],
) -> HttpBackend:
    """
    Return the backend called *name*; call it where the event loop runs.

    Raises:
        ConfigurationError: it lacks an address, or what its credentials need.
    """
    connector, speaks, bases = addressed(name, connector, settings, environ)
    keys = own_keys(name, settings, environ, connector.key_env)
    session = make_session(settings, guarded=connector.loop_guard)
    account = _account(name, keys, settings, environ, session)
    credentials = _identified(connector, account, keys)
    return HttpBackend(
        name=name,
        connector=connector,
        settings=settings,
        speaks=speaks,
        bases=bases,
        key=account.key,
        session=session,
        credentials=credentials,
        models=settings.models,
        closed_list=bool(settings.models),
        lane=make_lane(session, settings),
    )


def build_virtual(
    name: str,
    definition: BackendPluginDefinition,
    settings: BackendSettings,
    environ: Mapping[str, str],
    translation: TranslationService,
) -> VirtualBackend:
    """Return the backend called *name*; call it where the event loop runs."""
    keys = own_keys(name, settings, environ)
    base_url = own_base_url(name, settings, environ)
    session = make_session(settings, lent=True)
    try:
        backend = definition.factory(session, settings, translation)
    except BaseException:
        # Nothing is open yet: it has not been used.
        session.detach()
        raise
    return VirtualBackend(
        name, settings, backend, session, keys, base_url, translation=translation
    )


def check_declared(
    name: str,
    connector: Connector,
    settings: BackendSettings,
    environ: Mapping[str, str],
) -> None:
    """
    Try what can be tried without a network.

    Raises:
        ConfigurationError: the backend could not be built.
    """
    _check_extra(connector, settings)
    connector, _, _ = addressed(name, connector, settings, environ)
    keys = own_keys(name, settings, environ, connector.key_env)
    unused = cast("ClientSession", None)  # asked for nothing yet
    make_credentials(connector, _account(name, keys, settings, environ, unused))


def _account(
    name: str,
    keys: Sequence[Secret],
    settings: BackendSettings,
    environ: Mapping[str, str],
    session: ClientSession,
) -> Account:
    key = keys[0] if keys else None
    return Account(name, key, settings.auth, settings.extra, environ, session)


def _check_extra(connector: Connector, settings: BackendSettings) -> None:
    if settings.auth.type:
        return  # what another kind of credentials reads is not known here
    known = {*_EXTRAS, *connector.extras, *(p.name for p in connector.parameters)}
    for key in settings.extra:
        if key not in known:
            raise ConfigurationError(
                f"extra.{key} means nothing to {connector.name};"
                f" {did_you_mean(str(key), known)}",
                code="unknown_extra",
                param=f"extra.{key}",
            )


# -- credentials


def stem(name: str) -> str:
    """Return what the variables of the backend called *name* begin with."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def own_keys(
    name: str,
    settings: BackendSettings,
    environ: Mapping[str, str],
    variables: Sequence[str] = (),
) -> tuple[Secret, ...]:
    """
    Return the configured keys, else those in the environment.

    Args:
        variables: looked up after that of the backend's own name.

    Raises:
        ConfigurationError: one of those holds no key.
    """
    if settings.api_key is not None or settings.api_keys:
        lone = () if settings.api_key is None else (settings.api_key,)
        # One that is there twice would be tried again when it is refused.
        return tuple(dict.fromkeys((*lone, *settings.api_keys)))
    found = key_variables(name, environ, variables)
    return tuple(_key_in(environ, variable) for variable in found)


def _key_in(environ: Mapping[str, str], variable: str) -> Secret:
    # A line break at its end has slipped in with the file that it was read from.
    key = environ[variable].strip()
    if not key.isprintable():
        raise ConfigurationError(
            f"{variable} holds no key: expected text on one line", code="bad_api_key"
        )
    return Secret(key)


def own_base_url(
    name: str, settings: BackendSettings, environ: Mapping[str, str]
) -> str | None:
    """
    Return the configured address, else the one in the environment.

    Raises:
        ConfigurationError: that is none.
    """
    variable = f"{stem(name)}_API_BASE_URL"
    found = environ.get(variable, "").strip()
    if settings.api_base_url or not found:
        return settings.api_base_url
    try:
        return read_url(Kind("url", "URL"), found)
    except RefusedError as exc:
        raise ConfigurationError(f"{variable}: {exc}", code="bad_base_url") from exc


def key_variables(
    name: str, environ: Mapping[str, str], variables: Sequence[str] = ()
) -> tuple[str, ...]:
    """
    Return the variables that hold the keys of the backend called *name*.

    Args:
        variables: looked up after that of the backend's own name.
    """
    for variable in dict.fromkeys((f"{stem(name)}_API_KEY", *variables)):
        found: dict[str, str] = {}
        for each in (variable, *(f"{variable}_{number}" for number in POOL)):
            if value := environ.get(each, "").strip():
                found.setdefault(value, each)
        if found:
            return tuple(found.values())
    return ()


def make_credentials(
    connector: Connector, account: Account
) -> Credentials | Fixed | None:
    """
    Return what identifies the gateway, where that is not just the key.

    Raises:
        ConfigurationError: something is missing, or the kind is unknown.
    """
    if account.auth.type:
        return _kind(account.auth.type)(account)
    if account.auth != Auth() and connector.credentials is None:
        raise ConfigurationError(
            "auth needs a type: " + ", ".join(sorted(_kinds())), code="auth_type"
        )
    return None if connector.credentials is None else connector.credentials(account)


def _identified(
    connector: Connector, account: Account, keys: tuple[Secret, ...]
) -> Credentials | Fixed | None:
    """Return what identifies the gateway; several keys are a pool, however sent."""
    made = make_credentials(connector, account)
    if len(keys) < 2 or made == Fixed():
        return made
    if made is None:
        return KeyPool(account.backend, keys)
    if isinstance(made, Fixed):
        all_made = (
            make_credentials(connector, evolve(account, key=key)) for key in keys
        )
        fixed = (each for each in all_made if isinstance(each, Fixed))
        return KeyPool(account.backend, tuple(fixed))
    return made


@cache
def _kinds() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in installed_points(CREDENTIALS_GROUP):
        found.setdefault(point.name, point)
    return found


def _kind(name: str) -> MakeCredentials:
    if name not in _kinds():
        raise ConfigurationError(
            f"auth.type {name!r} is none of {', '.join(sorted(_kinds()))}",
            code="auth_type",
        )
    try:
        made: MakeCredentials = _kinds()[name].load()
    except ImportError as exc:
        raise ConfigurationError(
            f"auth.type {name!r} does not work: {exc}", code="auth_type"
        ) from exc
    return made


# -- addresses


def addressed(
    name: str,
    connector: Connector,
    settings: BackendSettings,
    environ: Mapping[str, str],
) -> tuple[Connector, tuple[Dialect, ...], dict[str, str]]:
    """
    Return the connector of one instance, its dialects, and where each begins.

    Raises:
        ConfigurationError: there is no address, or a part of it is missing.
    """
    configured = own_base_url(name, settings, environ)
    if connector.instance is not None:
        given = Given(settings.extra, environ, configured or "", settings.auth)
        made = connector.instance(connector, given)
        if made.base_url != connector.base_url:
            configured = None
        connector = made
    if not configured:
        base_url = _filled(connector, settings.extra, environ)
        connector = evolve(connector, base_url=base_url)
    speaks = spoken(connector, settings.extra)
    bases = base_urls(connector, speaks, configured, settings.extra)
    return connector, speaks, bases


def _filled(
    connector: Connector, extra: Mapping[str, Any], environ: Mapping[str, str]
) -> str:
    """Return the connector's base URL with its parameters in it."""
    given = Given(extra, environ)
    values = {}
    for parameter in connector.parameters:
        value = given.value(
            parameter.name, *parameter.env, default=parameter.default or ""
        )
        if not value:
            ways = " or ".join((f"extra.{parameter.name}", *parameter.env))
            raise ConfigurationError(
                f"{connector.name} needs {ways}", code="missing_parameter"
            )
        if not _PARAMETER.fullmatch(value):
            raise ConfigurationError(
                f"extra.{parameter.name} is no part of an address: expected letters,"
                " digits, dots, hyphens and underscores",
                code="bad_parameter",
            )
        values[parameter.name] = value
    return _PLACE.sub(lambda match: values[match[1]], connector.base_url)


def spoken(connector: Connector, extra: Mapping[str, Any]) -> tuple[Dialect, ...]:
    """
    Return the dialects of one instance: all, or what its ``speaks`` names.

    Raises:
        ConfigurationError: it names one that there is not.
    """
    if "speaks" not in extra:
        return connector.speaks
    known = {d.protocol: d for d in (*connector.optional, *connector.speaks)}
    names = extra["speaks"]
    names = [names] if isinstance(names, str) else names
    if not names or not isinstance(names, list) or not set(names) <= known.keys():
        raise ConfigurationError(
            f"extra.speaks must be a list of {', '.join(known)}", code="unknown_dialect"
        )
    if len(names) == 1:
        # Who names one says it of every model, whatever it is called: the names of
        # deployments and profiles are their owners' own.
        return (evolve(known[names[0]], models=()),)
    return tuple(known[name] for name in names)


def base_urls(
    connector: Connector,
    speaks: tuple[Dialect, ...],
    configured: str | None,
    extra: Mapping[str, Any],
) -> dict[str, str]:
    """
    Return where each dialect begins, by protocol, without a final slash.

    The SDKs' own variables differ in whether they hold the version segment, so
    it is added where no segment of the path looks like one. An API that has
    none says so by an empty ``version`` in *extra*. Dialects of another version
    than the first have it in place of that.

    Raises:
        ConfigurationError: there is no address.
    """
    url = (configured or connector.base_url).rstrip("/")
    if not url:
        raise ConfigurationError(
            f"{connector.name} needs api_base_url", code="missing_base_url"
        )
    first = speaks[0].version
    if configured:
        version = str(extra.get("version", first))
        versioned = any(_VERSION.match(part) for part in URL(url).parts)
        url = url if versioned or not version else f"{url}/{version}"
    head, _, tail = url.rpartition("/")
    root = head if _VERSION.match(tail) else url
    bases = {"": root, first: url if first else root}
    return {
        dialect.protocol: url
        if "version" in extra
        else bases.get(dialect.version, f"{root}/{dialect.version}")
        for dialect in speaks
    }


def bad_files(tls: Tls) -> Iterator[tuple[str, str]]:
    for key, trial in (
        ("ca_file", Tls(ca_file=tls.ca_file)),
        ("cert_file", Tls(cert_file=tls.cert_file, key_file=tls.key_file)),
    ):
        try:
            ssl_context(trial)
        except OSError as exc:  # ssl's own errors are children of it
            file = getattr(tls, key)
            yield key, f"{file} cannot be used: {exc.strerror or exc}"
