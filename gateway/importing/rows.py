"""
One row of LiteLLM's ``model_list``: the backend that it needs, and the model there.

Source: https://docs.litellm.ai/docs/proxy/configs and, for members by provider,
``litellm/types/router.py`` in LiteLLM's repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import define, field, frozen

from gateway.importing.members import as_text, variable
from gateway.importing.providers import OPENAI_HOST, PROVIDERS, find

if TYPE_CHECKING:
    from gateway.importing.members import Members
    from gateway.importing.providers import Provider

# What people write where a local server wants no key.
NO_KEY = frozenset(
    {"none", "null", "empty", "dummy", "fake", "fake-key", "no-key", "not-needed"}
)
# A header of such a name holds a secret.
_SECRET = ("auth", "cookie", "key", "password", "secret", "token")

LIMITS = "there are no limits of requests or tokens"
DEFAULTS = "what the client leaves out is left to the provider"
RETRIES = "a request is not repeated once the provider has answered"
REASONS = {
    **dict.fromkeys(("rpm", "tpm", "max_parallel_requests", "itpm", "otpm"), LIMITS),
    **dict.fromkeys(("max_budget", "budget_duration"), "there are no budgets"),
    **dict.fromkeys(
        ("temperature", "top_p", "max_tokens", "seed", "stop", "reasoning_effort"),
        DEFAULTS,
    ),
    **dict.fromkeys(("num_retries", "max_retries"), RETRIES),
    **dict.fromkeys(("weight", "order"), "there is no balancing"),
    "drop_params": "what a provider cannot be told is left out anyway, and reported",
    "mock_response": "the backend `demo` gives answers without a provider",
    "aws_role_name": "roles come from the AWS configuration: set auth.profile",
    "use_in_pass_through": "there are no pass-through routes",
}
USUAL = "sluicegate has nothing like it"

# Where a row may say the address; what else says it is noted as missed.
_ADDRESSES = ("api_base", "base_url", "aws_bedrock_runtime_endpoint")


@frozen
class Hidden:
    """A secret that stands in their file; ours will refer to a variable."""

    value: str = field(repr=False)
    path: str = field(eq=False)


@define
class Row:
    """
    Attributes:
        path: in their file.
        name: what clients say.
        backend: the settings that are needed; secrets in them are `Hidden`.
        model: what the provider calls the model.
    """

    path: str
    name: str
    backend: dict[str, Any]
    model: str


def read_row(path: str, name: str, params: Members) -> Row | None:
    """Return the row, ``None`` if it cannot be carried over; that is noted."""
    named = params.text("model")
    given = params.text("custom_llm_provider")
    if named is None:
        params.missed.note(params.at("model"), "the row has no model")
        return None
    provider, model = find(named, given)
    known = PROVIDERS.get(provider)
    if known is None or named.startswith("${"):
        who = f"the provider {provider}" if provider.isidentifier() else "it"
        params.missed.note(params.at("model"), f"no backend is known for {who}")
        return None
    for route in known.routes:
        model = model.removeprefix(route)
    if not model:
        params.missed.note(params.at("model"), "it names no model")
        return None
    backend = _backend(known, params)
    if backend is None:
        return None
    params.drop(REASONS, USUAL)
    if name == named == "*":
        why = "names that begin with another provider need a row of their own"
        params.missed.note(f"{path}.model_name", why)
    return Row(path, name, backend, model)


def _backend(provider: Provider, params: Members) -> dict[str, Any] | None:
    url = _address(params)
    kind = provider.type
    if kind == "openai" and url is not None and OPENAI_HOST not in url:
        kind = "openai-compatible"
    if kind == "huggingface" and url is not None:
        kind = "tgi"
    if url is None and kind == "openai-compatible" and not provider.base:
        params.missed.note(params.at("api_base"), "the row has no usable address")
        return None
    auth, extra = _cloud(kind, params), _extra(kind, params)
    if auth.keys() == {"region"}:
        extra, auth = {**extra, **auth}, {}
    if kind == "azure" and (token := params.take("azure_ad_token")) is not None:
        key: Any = _secret(token, params.at("azure_ad_token"))
        auth = {"type": "bearer"}
    else:
        key = _key(provider, params, needed=not auth)
    backend = {
        "type": kind,
        "api_key": key,
        "api_base_url": url or provider.base or None,
        "auth": auth,
        "headers": _headers(params),
        "timeouts": _timeouts(params),
        "extra": extra,
    }
    return {name: value for name, value in backend.items() if value}


def _address(params: Members) -> str | None:
    place = next((name for name in _ADDRESSES if name in params), _ADDRESSES[0])
    url = params.text(place)
    if url is None or url.startswith("${"):
        return url
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fits = False
    if not fits:
        params.missed.note(params.at(place), "it is no URL")
        return None
    if parts.username or parts.password:
        why = "it holds a password: set api_base_url, and headers for the password"
        params.missed.note(params.at(place), why)
        return None
    if parts.query:  # which may hold a key
        params.missed.note(params.at(place), "what follows its ? is left out")
    return url.partition("?")[0]


def _key(provider: Provider, params: Members, *, needed: bool) -> Any:
    given = params.take("api_key")
    if given is None:
        return f"${{{provider.key}}}" if provider.key and needed else None
    if isinstance(given, str) and given.lower() in NO_KEY:
        return None
    return _secret(given, params.at("api_key"))


def _secret(json: Any, path: str) -> Any:
    """Return the reference to a variable, or what hides the value itself."""
    return as_text(json) if variable(json) is not None else Hidden(str(json), path)


def _headers(params: Members) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    organization = params.take("organization")
    if isinstance(organization, list):
        why = "one organization at a time: make a backend for each"
        params.missed.note(params.at("organization"), why)
    elif (said := as_text(organization)) is not None:
        headers["OpenAI-Organization"] = said
    for place in ("extra_headers", "headers"):
        section = params.section(place)
        for name, json in section.items():
            said = as_text(json)
            if said is None:
                params.missed.note(section.at(name), "a text was expected")
            elif any(word in name.lower() for word in _SECRET):
                headers[name] = _secret(json, section.at(name))
            else:
                headers[name] = said
    return headers


def _timeouts(params: Members) -> dict[str, Any]:
    timeout, stream = params.text("timeout"), params.text("stream_timeout")
    if timeout is not None and stream is not None and timeout != stream:
        why = "there is one time until the first event, that of `timeout`"
        params.missed.note(params.at("stream_timeout"), why)
    found = timeout or stream
    return {"first_event": f"{found}s"} if found else {}


# -- providers with more than a key


def _cloud(kind: str, params: Members) -> dict[str, Any]:
    match kind:
        case "bedrock":
            return _aws(params)
        case "vertex":
            return _google(params)
        case "azure":
            return _entra(params)
    return {}


def _aws(params: Members) -> dict[str, Any]:
    names = {
        "region": "aws_region_name",
        "profile": "aws_profile_name",
        "access_key_id": "aws_access_key_id",
    }
    auth: dict[str, Any] = {n: params.text(theirs) for n, theirs in names.items()}
    for name in ("secret_access_key", "session_token"):
        theirs = f"aws_{name}"
        if (json := params.take(theirs)) is not None:
            auth[name] = _secret(json, params.at(theirs))
    auth = {name: value for name, value in auth.items() if value}
    # A region alone leaves open how requests are signed.
    return {"type": "aws", **auth} if auth.keys() - {"region"} else auth


def _google(params: Members) -> dict[str, Any]:
    json = params.take("vertex_credentials")
    said = as_text(json)
    if json is None:
        return {}
    if said is None or not said.startswith(("/", "${")):
        why = "the credentials must be a file, named by its absolute path (auth.file)"
        params.missed.note(params.at("vertex_credentials"), why)
        return {}
    return {"type": "google", "file": said}


def _entra(params: Members) -> dict[str, Any]:
    names = {"tenant": "tenant_id", "client_id": "client_id", "scope": "azure_scope"}
    auth: dict[str, Any] = {n: params.text(theirs) for n, theirs in names.items()}
    if (json := params.take("client_secret")) is not None:
        auth["client_secret"] = _secret(json, params.at("client_secret"))
    auth = {name: value for name, value in auth.items() if value}
    return {"type": "azure", **auth} if auth else {}


def _extra(kind: str, params: Members) -> dict[str, Any]:
    match kind:
        case "azure":
            extra = {"api_version": params.text("api_version")}
        case "vertex":
            extra = {
                "project": params.text("vertex_project"),
                "location": params.text("vertex_location"),
            }
        case "snowflake":
            extra = {"account": "${SNOWFLAKE_ACCOUNT_ID}"}
        case _:
            return {}
    return {name: value for name, value in extra.items() if value}
