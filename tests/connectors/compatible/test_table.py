"""What each declaration says, held against the providers' pages."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from connectors import compatible, openai_chat
from gateway.building import addressed
from gateway.domain.errors import ConfigurationError
from gateway.plugin import ENTRY_POINT_GROUP, Connector
from gateway.registry import Registry
from gateway.settings import Backend
from tests.connectors.compatible.table import EXTRA, MODELS, TABLE
from tests.recordings import select

DECLARED = {
    name: value for name, value in vars(compatible).items() if type(value) is Connector
}
CONNECTORS = list(DECLARED.values())
HOSTED = [c for c in CONNECTORS if c.base_url.startswith("https://")]
LOCAL = [c for c in CONNECTORS if c.ports]
SETUP_CFG = Path(__file__).resolve().parents[3] / "setup.cfg"

named = pytest.mark.parametrize("name", sorted(TABLE))
each = pytest.mark.parametrize("connector", CONNECTORS, ids=lambda c: c.name)
hosted = pytest.mark.parametrize("connector", HOSTED, ids=lambda c: c.name)
local = pytest.mark.parametrize("connector", LOCAL, ids=lambda c: c.name)


def declared(name: str) -> Connector:
    found = Registry().get(name)
    assert isinstance(found, Connector)
    return found


def at_home(name: str, **extra: Any) -> tuple[Connector, dict[str, str]]:
    """Return a provider as an account has it, and where its dialects begin."""
    given = Backend(extra={**EXTRA.get(name, {}), **extra})
    connector, _, bases = addressed(name, declared(name), given, {})
    return connector, bases


def entry_points() -> dict[str, str]:
    parser = ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(SETUP_CFG)
    lines = parser["options.entry_points"][ENTRY_POINT_GROUP].split("\n")
    pairs = (line.split("=") for line in lines if line)
    return {name.strip(): value.strip() for name, value in pairs}


def test_entry_points() -> None:
    """Each declaration is installed by its own name, and none is forgotten."""
    ours = {
        name: value
        for name, value in entry_points().items()
        if value.startswith("connectors.compatible:")
    }

    assert ours == {
        connector.name: f"connectors.compatible:{variable}"
        for variable, connector in DECLARED.items()
    }


@pytest.mark.parametrize("name", ["anthropic", "cohere", "gemini", "mistral"])
def test_installed(name: str) -> None:
    """Who has a protocol of one's own is declared beside it."""
    assert entry_points().get(name) == f"connectors.{name}:{name.upper()}"


def test_all_are_in_the_table() -> None:
    """Who is declared has a row; only a private endpoint has no facts."""
    names = {connector.name for connector in CONNECTORS}

    assert names - TABLE.keys() == {"openai-compatible"}


@named
def test_addresses(name: str) -> None:
    """The addresses are those of the providers' pages, the preferred one first."""
    connector, bases = at_home(name)

    found = {
        d.protocol: bases[d.protocol] + d.paths["chat"]
        for d in connector.speaks
        if "chat" in d.paths
    }
    assert list(found.items()) == list(TABLE[name].chat.items())
    first = bases[connector.speaks[0].protocol]
    path = connector.models_path
    assert (first + path if path else "") == TABLE[name].models


@named
def test_operations(name: str) -> None:
    """What else it offers; what is not here is refused by us, not by a 404."""
    connector = declared(name)

    chat = {"chat", "chat_stream", "chat_array"}
    more = {d.protocol: sorted(d.paths.keys() - chat) for d in connector.speaks}
    assert {p: found for p, found in more.items() if found} == TABLE[name].more
    for dialect in (*connector.speaks, *connector.optional):
        assert all(path.startswith("/") for path in dialect.paths.values())


@named
def test_keys(name: str) -> None:
    """Where the key is looked for, and how it is sent: exactly, and nothing else."""
    connector = declared(name)

    assert connector.key_env == TABLE[name].keys
    for dialect in connector.speaks:
        header = TABLE[name].key.get(dialect.protocol)
        sent = {header: "k"} if header else {"authorization": "Bearer k"}
        made = (dialect.auth or connector.auth)("k")
        assert isinstance(made, dict)
        assert {n.lower(): value for n, value in made.items()} == sent


@pytest.mark.parametrize(("name", "protocol"), sorted(MODELS))
def test_some_models_only(name: str, protocol: str) -> None:
    """A protocol that is for some models is not spoken to the others."""
    connector = declared(name)

    (dialect,) = (d for d in connector.speaks if d.protocol == protocol)
    assert dialect.serves(MODELS[name, protocol])
    assert not dialect.serves("llama-4")
    assert connector.speaks[0].serves("llama-4")


@pytest.mark.parametrize("what", ["name", "title", "ports"], ids=str)
def test_nothing_twice(what: str) -> None:
    """Copied declarations are where wrong keys go to wrong places."""
    values = [value for c in CONNECTORS if (value := getattr(c, what))]

    assert len(set(values)) == len(values)


def test_no_key_twice() -> None:
    """A variable is one provider's, so that no key goes to another."""
    keys = [variable for c in CONNECTORS for variable in c.key_env]

    assert len(set(keys)) == len(keys)


@hosted
def test_hosted(connector: Connector) -> None:
    """Keys travel encrypted, to an address without surprises."""
    url = URL(connector.base_url)

    assert url.scheme == "https"
    assert not connector.base_url.endswith("/")
    assert not url.query_string
    assert not connector.key_optional
    assert not connector.ports


@local
def test_local(connector: Connector) -> None:
    """A server on this machine answers on its usual port, without a key."""
    (port,) = connector.ports

    version = "" if connector.name == "ollama" else "/v1"
    assert connector.base_url == f"http://127.0.0.1:{port}{version}"
    assert connector.key_optional


@each
def test_key_variables(connector: Connector) -> None:
    """They are the providers' own names; `openai-compatible` must not take any."""
    assert all(name.isupper() and name.isidentifier() for name in connector.key_env)
    assert bool(connector.key_env) is bool(connector.base_url)


@each
def test_first_is_translated_to(connector: Connector) -> None:
    """Clients of a protocol that the provider does not speak need one."""
    assert connector.speaks[0].translator is not None
    assert connector.speaks[0].models == ()


@each
def test_documentation(connector: Connector) -> None:
    """Whoever doubts a declaration finds the page it was written from."""
    assert connector.title
    if connector.name not in ("openai-compatible", "sluicegate"):
        assert URL(connector.docs).scheme == "https"
    for quirk in connector.quirks:
        assert quirk.endswith(".")


def test_stores() -> None:
    """Only OpenAI keeps answers for others to ask for."""
    keeping = [c.name for c in CONNECTORS if any(d.stores for d in c.speaks)]

    assert keeping == ["openai"]


def test_strict_servers() -> None:
    """Who refuses unknown headers is not sent the one that finds loops."""
    strict = {c.name for c in CONNECTORS if not c.loop_guard}

    assert strict == {"kimi-code", "zai-coding"}


def test_words() -> None:
    """Who knows more than compatible servers do is told more."""
    assert compatible.OPENAI.speaks[0] is openai_chat.OPENAI_DIALECT
    assert compatible.OPENROUTER.speaks[0] is openai_chat.OPENROUTER_DIALECT


def test_responses_of_llama_cpp() -> None:
    """The SDK raises over its events, so they are translated unless asked for."""
    assert compatible.LLAMA_CPP.optional == (compatible.RESPONSES,)


def test_private_endpoint() -> None:
    """It speaks chat, and by its settings any protocol that is no one provider's."""
    private = compatible.OPENAI_COMPATIBLE

    assert (private.base_url, private.key_optional) == ("", True)
    assert [d.protocol for d in private.optional] == [
        "openai_responses",
        "anthropic",
        "gemini",
        "ollama",
        "cohere",
    ]


# -- accounts


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("minimax", "api.minimaxi.com"),
        ("moonshot", "api.moonshot.cn"),
        ("qwen", "dashscope.aliyuncs.com"),
        ("siliconflow", "api.siliconflow.cn"),
        ("zai", "open.bigmodel.cn"),
        ("zai-coding", "open.bigmodel.cn"),
    ],
)
def test_mainland(name: str, host: str) -> None:
    """One setting moves all protocols to the mainland's host."""
    _, bases = at_home(name, host=host)

    abroad = URL(next(iter(TABLE[name].chat.values()))).host
    assert abroad not in (None, host)
    assert {URL(url).host for url in bases.values()} == {host}
    assert declared(name).parameters[0].shown == host


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("cloudflare", "extra.account_id or CLOUDFLARE_ACCOUNT_ID"),
        ("databricks", "extra.host or DATABRICKS_HOST"),
        ("snowflake", "extra.account or SNOWFLAKE_ACCOUNT or SNOWFLAKE_ACCOUNT_ID"),
    ],
)
def test_missing_account(name: str, missing: str) -> None:
    """Whoever leaves out the account is told where it may be said."""
    with pytest.raises(ConfigurationError, match=f"{name} needs {missing}"):
        addressed(name, declared(name), Backend(), {})


@pytest.mark.parametrize("value", ["evil.example/x?", "a b", "", "../up"])
def test_bad_account(value: str) -> None:
    """What goes into an address is a name, and cannot lead elsewhere."""
    given = Backend(extra={"account": value})

    with pytest.raises(ConfigurationError, match=r"extra\.account"):
        addressed("snowflake", declared("snowflake"), given, {})


@pytest.mark.parametrize(
    "host", ["w.example", "https://w.example", "https://w.example/"]
)
@pytest.mark.parametrize("where", ["extra", "environment"])
def test_workspace(host: str, where: str) -> None:
    """A workspace may be said as Databricks' own tools say it."""
    extra = {"host": host} if where == "extra" else {}
    environ = {} if extra else {"DATABRICKS_HOST": host}
    _, _, bases = addressed(
        "databricks", declared("databricks"), Backend(extra=extra), environ
    )

    assert set(bases.values()) == {"https://w.example/serving-endpoints"}


# -- addresses of one's own


@named
def test_address_with_and_without_version(name: str) -> None:
    """Both are in use, and lead to the same place."""
    connector, bases = at_home(name)
    first = connector.speaks[0].protocol
    whole = bases[first].replace(URL(bases[first]).host or "", "box.example")

    bare = whole.removesuffix("/v1").removesuffix("/v1beta")
    if "/v" in bare:  # another part of the path looks like a version
        bare = whole

    for url in (whole, f"{whole}/", bare):
        given = Backend(api_base_url=url, extra=EXTRA.get(name, {}))
        _, _, found = addressed(name, declared(name), given, {})
        assert found[first] == whole


SDK_ADDRESSES = [
    ("deepinfra", "https://api.deepinfra.com/v1/openai"),
    ("deepinfra", "https://api.deepinfra.com/anthropic"),
    ("deepseek", "https://api.deepseek.com/anthropic"),
    ("deepseek", "https://api.deepseek.com/v1"),
    ("github", "https://models.github.ai/inference"),
    ("internlm", "https://chat.intern-ai.org.cn/api/v1/"),
    ("minimax", "https://api.minimaxi.com/v1"),
    ("minimax", "https://api.minimax.io/anthropic"),
    ("moonshot", "https://api.moonshot.cn/v1"),
    ("moonshot", "https://api.moonshot.ai/anthropic"),
    ("qwen", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
    ("qwen", "https://dashscope-intl.aliyuncs.com/apps/anthropic"),
    ("zai", "https://api.z.ai/api/paas/v4/"),
    ("zai", "https://open.bigmodel.cn/api/anthropic"),
    ("zai-coding", "https://api.z.ai/api/coding/paas/v4"),
    ("zenmux", "https://zenmux.ai/api/v1"),
    ("zenmux", "https://zenmux.ai/api/anthropic"),
]


@pytest.mark.parametrize(("name", "url"), SDK_ADDRESSES)
def test_address_of_an_sdk(name: str, url: str) -> None:
    """Whatever address a page gives for some SDK, all protocols are found from it."""
    given = Backend(api_base_url=url)
    connector, speaks, bases = addressed(name, declared(name), given, {})

    host = URL(url).host or ""
    for dialect in speaks:
        documented = TABLE[name].chat[dialect.protocol]
        moved = documented.replace(URL(documented).host or "", host)
        assert bases[dialect.protocol] + dialect.paths["chat"] == moved
    assert connector.models_path == declared(name).models_path


# -- recordings

APIS = {
    "openai.chat": "openai_chat",
    "openai.responses": "openai_responses",
    "anthropic.messages": "anthropic",
}


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("provider", "api"),
    [
        ("anthropic", "anthropic.messages"),
        ("cerebras", "openai.chat"),
        ("cloudflare", "openai.chat"),
        ("deepseek", "openai.chat"),
        ("deepseek", "openai.responses"),
        ("groq", "openai.chat"),
        ("huggingface", "openai.chat"),
        ("openai", "openai.chat"),
        ("openai", "openai.responses"),
        ("openrouter", "openai.chat"),
        ("openrouter", "openai.responses"),
        ("perplexity", "openai.chat"),
        ("snowflake", "openai.chat"),
        ("together", "openai.chat"),
        ("vercel-gateway", "openai.chat"),
        ("xai", "openai.chat"),
        ("xai", "openai.responses"),
        ("z.ai", "openai.chat"),
    ],
)
def test_recorded_address(provider: str, api: str) -> None:
    """Where real clients were seen to ask is where we do."""
    renamed = {"vercel-gateway": "vercel", "z.ai": "zai-coding"}
    url = URL(TABLE[renamed.get(provider, provider)].chat[APIS[api]])
    here = url.raw_path.replace("/acc/", "/ACCOUNT/")

    requests = (
        one.exchange["request"] for one in select(api) if one.provider == provider
    )
    # Accounts are masked in the recordings: of such a host the end is compared.
    assert any(
        (request.get("host") or "").endswith(str(url.host).partition(".")[2])
        and request["path"].partition("?")[0] == here
        for request in requests
    )
