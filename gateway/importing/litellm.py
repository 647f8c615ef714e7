"""
LiteLLM's ``config.yaml``, as our configuration.

Rows of its ``model_list`` become routes, and what they need becomes backends. The
first row of a name is taken: there is no balancing between several.

Source: https://docs.litellm.ai/docs/proxy/configs,
https://docs.litellm.ai/docs/proxy/config_settings
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from gateway.importing import Missed, UnreadableError
from gateway.importing.members import Members, as_text, variable
from gateway.importing.rows import LIMITS, RETRIES, USUAL, Hidden, Row, read_row

if TYPE_CHECKING:
    from collections.abc import Iterator

MASTER_KEY = "LITELLM_MASTER_KEY"

_FAILOVER = "there is no failover"
_BALANCING = "there is no balancing"
_CACHE = "answers are not kept for others to get"
_CALLBACKS = "nobody is called; the log and /admin/events tell of each request"
_DATABASE = "there is no database, and so no keys, teams or budgets in one"
_REASONS: dict[str, dict[str, str]] = {
    "": {"include": "it names other files: import each of them"},
    "litellm_settings": {
        **dict.fromkeys(("success_callback", "failure_callback"), _CALLBACKS),
        **dict.fromkeys(("callbacks", "service_callbacks"), _CALLBACKS),
        **dict.fromkeys(("cache", "cache_params"), _CACHE),
        **dict.fromkeys(("fallbacks", "default_fallbacks"), _FAILOVER),
        "content_policy_fallbacks": _FAILOVER,
        "context_window_fallbacks": _FAILOVER,
        "num_retries": RETRIES,
        "request_timeout": "set timeouts of each backend",
        "drop_params": "what a provider cannot be told is left out, and reported",
        "json_logs": "set log.format",
        "set_verbose": "set log.level",
    },
    "router_settings": {
        **dict.fromkeys(("fallbacks", "content_policy_fallbacks"), _FAILOVER),
        **dict.fromkeys(("context_window_fallbacks", "default_fallbacks"), _FAILOVER),
        **dict.fromkeys(("routing_strategy", "routing_strategy_args"), _BALANCING),
        **dict.fromkeys(("num_retries", "retry_policy", "retry_after"), RETRIES),
        **dict.fromkeys(("allowed_fails", "cooldown_time"), _BALANCING),
        **dict.fromkeys(
            ("redis_host", "redis_port", "redis_password", "redis_url"),
            "workers share nothing but what one machine has",
        ),
        "timeout": "set timeouts of each backend",
    },
    "general_settings": {
        **dict.fromkeys(("database_url", "store_model_in_db"), _DATABASE),
        **dict.fromkeys(
            ("max_parallel_requests", "global_max_parallel_requests"), LIMITS
        ),
        **dict.fromkeys(("alerting", "alerting_threshold"), _CALLBACKS),
        "completion_model": "set default_backend",
    },
}
_PLACE = re.compile(r"[^A-Z0-9]")
_REFERENCE = re.compile(r"\$\{\w+\}")


@define
class Imported:
    """
    Attributes:
        settings: ours, as the file is to say it.
    """

    settings: dict[str, Any]
    missed: Missed


def convert(json: Any) -> Imported:
    """
    Return our settings for LiteLLM's.

    Args:
        json: its file, as YAML has it.

    Raises:
        UnreadableError: it is no such file.
    """
    if not isinstance(json, Mapping) or not isinstance(json.get("model_list"), list):
        raise UnreadableError(
            "it has no model_list, which LiteLLM's configuration has unless its models"
            " are in a database"
        )
    making = _Making(Missed())
    file = Members("", json, making.missed)
    credentials = dict(making.credentials(file))
    for path, row in file.rows("model_list"):
        making.row(path, row, credentials)
    router = file.section("router_settings")
    making.aliases(router.section("model_group_alias"))
    server = making.server(file.section("general_settings"))
    router.drop(_REASONS["router_settings"], USUAL)
    making.litellm(file.section("litellm_settings"))
    variables = file.section("environment_variables")
    for name in dict(variables.items()):
        making.missed.note(variables.at(name), "set it in the environment")
    file.drop(_REASONS[""], USUAL)
    settings = {**server, "backends": making.written(), "routes": making.routes()}
    return Imported(settings, making.missed)


@define
class _Making:
    missed: Missed
    _backends: dict[str, dict[str, Any]] = field(factory=dict)
    _open: set[str] = field(factory=set)  # backends of which any model may be asked
    _models: dict[str, list[str]] = field(factory=dict)
    _targets: dict[str, str] = field(factory=dict)
    _references: set[str] = field(factory=set)

    def credentials(self, file: Members) -> Iterator[tuple[str, Any]]:
        for path, json in file.rows("credential_list"):
            row = Members(path, json, self.missed)
            name, values = row.take("credential_name"), row.take("credential_values")
            row.take("credential_info")
            row.drop({}, USUAL)
            yield str(name), values

    def row(self, path: str, json: Any, credentials: Mapping[str, Any]) -> None:
        row = Members(path, json, self.missed)
        name = as_text(row.take("model_name"))
        given = row.take("litellm_params")
        row.section("model_info").drop({}, "what is known of models is not configured")
        row.drop({}, USUAL)
        if name is None or not isinstance(given, Mapping):
            self.missed.note(path, "a row has a model_name and litellm_params")
            return
        if name in self._targets:
            why = f"another row has the same model_name; {_BALANCING} between them"
            self.missed.note(path, why)
            return
        params = Members(f"{path}.litellm_params", given, self.missed)
        if (shared := params.take("litellm_credential_name")) is not None:
            if not isinstance(credentials.get(str(shared)), Mapping):
                why = "no credential has this name"
                self.missed.note(params.at("litellm_credential_name"), why)
                return
            given = {**credentials[str(shared)], **given}
            given.pop("litellm_credential_name")
            params = Members(params.path, given, self.missed)
        if (found := read_row(path, name, params)) is not None:
            self._add(found)

    def _add(self, row: Row) -> None:
        stars = row.model.count("*")
        if row.name.count("*") > 1 or stars > 1 or (stars and "*" not in row.name):
            why = "a pattern has one *, and so has what it stands for"
            self.missed.note(f"{row.path}.model_name", why)
            return
        backend = self._named(row.backend)
        if stars:
            self._open.add(backend)
        else:
            self._models.setdefault(backend, []).append(row.model)
        self._targets[row.name] = f"{backend}:{row.model}"

    def _named(self, settings: dict[str, Any]) -> str:
        for name, known in self._backends.items():
            if known == settings:
                return name
        kind = settings["type"]
        number = 1 + sum(known["type"] == kind for known in self._backends.values())
        self._references |= set(_REFERENCE.findall(str(settings)))
        name = kind if number == 1 else f"{kind}.{number}"
        self._backends[name] = settings
        return name

    def aliases(self, section: Members) -> None:
        for alias, json in section.items():
            target = json.get("model") if isinstance(json, Mapping) else json
            if isinstance(json, Mapping) and json.get("hidden"):
                self.missed.note(f"{section.at(alias)}.hidden", "all names are listed")
            known = self._targets.get(target) if isinstance(target, str) else None
            if known is None:
                self.missed.note(section.at(alias), "what it stands for is not there")
            elif alias in self._targets:
                self.missed.note(section.at(alias), "a row has the same model_name")
            else:
                self._targets[alias] = known

    def server(self, section: Members) -> dict[str, Any]:
        key = section.take("master_key")
        section.drop(_REASONS["general_settings"], USUAL)
        if key is None:
            return {}
        said = as_text(key)
        if variable(key) is None:
            said = self._shown(Hidden(str(key), section.at("master_key")), MASTER_KEY)
        return {"server": {"api_keys": [said]}}

    def litellm(self, section: Members) -> None:
        aliases = section.section("model_group_alias")
        self.aliases(aliases)
        section.drop(_REASONS["litellm_settings"], USUAL)

    def routes(self) -> list[dict[str, str]]:
        """Return exact names first, and patterns by their length: the first wins."""
        names = sorted(self._targets, key=lambda n: ("*" in n, -len(n) * ("*" in n)))
        return [{"model": name, "to": self._targets[name]} for name in names]

    def written(self) -> dict[str, dict[str, Any]]:
        """Return the backends as the file is to have them, without any secret."""
        return {name: self._written(name) for name in self._backends}

    def _written(self, name: str) -> dict[str, Any]:
        stem = _PLACE.sub("_", name.upper())
        backend = self._without_secrets(self._backends[name], stem)
        del backend["type"]  # its name says it
        if name not in self._open:
            backend["models"] = list(dict.fromkeys(self._models[name]))
        return backend

    def _without_secrets(self, section: dict[str, Any], stem: str) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for name, value in section.items():
            longer = f"{stem}_{_PLACE.sub('_', name.upper())}"
            if isinstance(value, dict):
                written[name] = self._without_secrets(value, longer)
            elif isinstance(value, Hidden):
                written[name] = self._shown(value, longer)
            else:
                written[name] = value
        return written

    def _shown(self, secret: Hidden, variable: str) -> str:
        """Return the reference to a variable that nobody else refers to."""
        while f"${{{variable}}}" in self._references:
            variable += "_2"
        reference = f"${{{variable}}}"
        self._references.add(reference)
        why = f"a secret does not belong into a file: put it into {variable}"
        self.missed.note(secret.path, why)
        return reference
