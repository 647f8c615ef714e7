"""
What can be set, with its defaults: plain frozen values, read by `gateway.config`.

The *Attributes* sections are also the text of ``docs/configuration.md``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from attrs import field, frozen

from gateway.secret import Secret

MiB = 1024 * 1024


@frozen
class Kind:
    """
    What a setting's text or number means beyond its Python type.

    Attributes:
        name: for `gateway.config`, which reads and checks by it.
        shown: for the reader of the documentation.
        least: the smallest value that makes sense, in the unit of the value.
        most: the largest; beyond it somebody has mistaken the unit.
    """

    name: str
    shown: str
    least: float = 0
    most: float = 0


_DAY = 86_400.0

Seconds: TypeAlias = Annotated[float, Kind("seconds", "duration", 0, _DAY)]
Retention: TypeAlias = Annotated[float, Kind("seconds", "duration", 1, 366 * _DAY)]
TimeOut: TypeAlias = Annotated[float, Kind("seconds", "duration", 0.001, _DAY)]
Size: TypeAlias = Annotated[int, Kind("size", "size", 1024, 1024**4)]
# SQLite needs some pages before there is any content.
StoreSize: TypeAlias = Annotated[int, Kind("size", "size", MiB, 1024**4)]
Count: TypeAlias = Annotated[int, Kind("count", "whole number", 0, 1_000_000)]
# A gateway process per core is the most that helps.
Workers: TypeAlias = Annotated[int, Kind("count", "whole number", 1, 1024)]
Backlog: TypeAlias = Annotated[int, Kind("count", "whole number", 1, 65_535)]
Address: TypeAlias = Annotated[str, Kind("address", "address")]
Origin: TypeAlias = Annotated[str, Kind("origin", "origin")]
Url: TypeAlias = Annotated[str, Kind("url", "URL")]
SecretUrl: TypeAlias = Annotated[Secret, Kind("secret_url", "secret URL")]
CallerKey: TypeAlias = Annotated[Secret, Kind("caller_key", "secret")]
BackendName: TypeAlias = Annotated[str, Kind("backend_name", "name")]
Extra: TypeAlias = Annotated[dict[str, Any], Kind("extra", "section")]
HeaderValue: TypeAlias = Annotated[str, Kind("header_value", "text")]
Headers: TypeAlias = Annotated[dict[str, Secret], Kind("headers", "header: secret")]
Pattern: TypeAlias = Annotated[str, Kind("pattern", "text")]
Target: TypeAlias = Annotated[str, Kind("target", "text")]


@frozen
class Server:
    """
    The side that the clients see.

    Attributes:
        listen: where to listen: `127.0.0.1:8080`, `[::1]:8080`, `:8080` (every
            interface), `localhost:8080`, `unix:/run/sluicegate/http.sock`. Port
            0 takes a free port. Anything but loopback and unix sockets needs
            `api_keys`.
        workers: processes that share the listening addresses; one per core is
            the most that helps.
        backlog: connections that the kernel holds until a worker accepts them.
        api_keys: keys that callers may use. Each is a secret, or
            `sha256:` with the 64 hexadecimal digits of the key's SHA-256. None:
            every caller is let in, and only loopback may be listened on.
        admin_keys: keys for `/admin/...`, written like `api_keys`. None: only
            loopback may look.
        max_body: the largest request body, in bytes; beyond it the answer is 413.
        max_reply: the largest non-streamed answer that is held in memory.
        body_timeout: how long a client may send nothing more of a request's body.
        header_timeout: how long a client may take to send its request's head.
        keep_alive: a stream that was silent for this long gets an SSE comment,
            so that proxies in between do not cut it; 0 for none.
        open_after: a stream's head is sent after this time although the upstream
            has not answered, so that comments can follow; a failure can then
            only be told inside the stream. 0: never.
        send_timeout: how long a client may take nothing of what is sent to it.
        shutdown_grace: how long running requests may go on after SIGTERM.
        writer: what writes answers to clients: `fast`, the gateway itself, or
            `aiohttp`, aiohttp's own responses, which take more CPU.
        max_hops: how many other gateways a request may have passed before; with 0,
            one that comes from another gateway is answered 508.
        cors_origins: web origins whose pages may call the gateway from a
            browser, such as `https://app.example.com`; `*` for every page.
    """

    listen: tuple[Address, ...] = ("127.0.0.1:8080",)
    workers: Workers = 1
    backlog: Backlog = 2048
    api_keys: tuple[CallerKey, ...] = ()
    admin_keys: tuple[CallerKey, ...] = ()
    max_body: Size = 64 * MiB
    max_reply: Size = 256 * MiB
    body_timeout: TimeOut = 30.0
    header_timeout: TimeOut = 15.0
    keep_alive: Seconds = 8.0
    open_after: Seconds = 30.0
    send_timeout: TimeOut = 60.0
    shutdown_grace: Seconds = 30.0
    writer: Literal["fast", "aiohttp"] = "fast"
    max_hops: Count = 0
    cors_origins: tuple[Origin, ...] = ()


@frozen
class Timeouts:
    """
    The three clocks of an upstream request. There is none for the whole: a
    stream may last as long as tokens come.

    Attributes:
        connect: until the connection stands, TLS included.
        first_event: from the request until the first event or byte of an answer.
        idle: between two events; comments of the upstream do not count.
    """

    connect: TimeOut = 10.0
    first_event: TimeOut = 600.0
    idle: TimeOut = 300.0


@frozen
class Limits:
    """
    How many connections go to a backend, per worker.

    Attributes:
        connections: at once, those of open streams included; 0 for no limit.
        connections_per_host: the same for each host and port; 0 for no limit.
        keep_alive: how long an idle connection is kept. It stays below the 5 s
            after which uvicorn (vLLM) and llama.cpp close theirs: a request on
            a connection that is just being closed is lost.
    """

    connections: Count = 0
    connections_per_host: Count = 0
    keep_alive: Seconds = 4.0


@frozen
class Tls:
    """
    TLS towards a backend.

    Attributes:
        verify: whether its certificate must be valid; `false` only for tests.
        ca_file: PEM file with the authorities to trust instead of the system's.
        cert_file: PEM file with the gateway's own certificate, for mutual TLS.
        key_file: PEM file with its key, unless `cert_file` holds that too.
    """

    verify: bool = True
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


@frozen
class Auth:
    """
    How the gateway proves to a backend who it is, where its type's own way with an
    API key is not the one. `docs/authentication.md` shows each way.

    Attributes:
        type: `bearer`, `header`, `query` or `none` for an API key, `oauth-refresh`,
            `oauth-client`, `google`, `azure`, `aws`, or what a plugin brings.
        name: of the header or the query parameter that carries the key.
        file: absolute path of a credentials file.
        token_url: where OAuth tokens are given out.
        client_id: the gateway's id there.
        client_secret: the secret that belongs to it.
        scope: what the token is for; several are separated by blanks.
        audience: for whom the token is, where the issuer asks for that.
        tenant: of Azure Entra: its id or domain.
        region: of AWS; else that of the environment or the profile.
        profile: of AWS, in its configuration files.
        access_key_id: of AWS, where it is not to be found by the usual rules.
        secret_access_key: the secret that belongs to it.
        session_token: of AWS, for keys that last for a while.
    """

    type: str | None = None
    name: str | None = None
    file: str | None = None
    token_url: Url | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    scope: str | None = None
    audience: str | None = None
    tenant: str | None = None
    region: str | None = None
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None


@frozen
class IdentityHeader:
    """
    What a provider is told about the application that asks, in one header. A lone
    text instead of the section is its `value`, or its `mode` if it is one of them.

    Attributes:
        mode: `passthrough` sends on what the caller sent, `override` always sends
            `value`, `default` sends it where the caller sent nothing.
        value: the text, in printable ASCII. An `override` without it sends nothing,
            or the gateway's own `User-Agent`.
    """

    mode: Literal["passthrough", "override", "default"] = "override"
    value: HeaderValue | None = None


@frozen
class Identity:
    """
    The headers by which providers tell applications apart.

    Attributes:
        user_agent: `User-Agent`; the gateway's own unless set.
        referer: `HTTP-Referer`, the application's address; the caller's unless set.
        title: `X-Title`, its name; the caller's unless set.
    """

    user_agent: IdentityHeader = IdentityHeader()
    referer: IdentityHeader = IdentityHeader("passthrough")
    title: IdentityHeader = IdentityHeader("passthrough")


@frozen
class Backend:
    """
    One backend. Its key below `backends` is its name: what clients and routes
    write before the `:`. A name is made of `a-z 0-9 . _ -`.

    Attributes:
        type: the kind of backend, such as `openai` or `openai-compatible`. If not
            given, the backend's own name, or that up to a dot: `openai.eu` and
            `openai.2` are backends of the type `openai`.
        package: the Python package that brings this type; named where it is missing.
        api_key: the key for the provider. If not given, the variable of the
            backend's name is read, such as `OPENAI_EU_API_KEY` for `openai.eu`,
            then the provider's usual one, such as `OPENAI_API_KEY`.
        api_keys: several keys, used in turn; one that is refused or used up rests.
            If not given, `OPENAI_API_KEY_1` to `OPENAI_API_KEY_20` are read.
        auth: see `auth` below.
        api_base_url: where its API begins, with or without the version segment
            (`/v1`). If not given, the provider's own. For an API that has no such
            segment, set `extra: {version: ""}`.
        models: the models it offers, and no others; if none, the backend is asked
            for them.
        models_refresh: after how long it is asked again; 0 for never.
        headers: further headers for each of its requests.
        identity: see `identity` below.
        loop_guard: whether to send the header by which a request that comes back to
            the gateway is found.
        timeout: how long it may be silent: what `timeouts` does not say of
            `first_event` and `idle`.
        timeouts: see `timeouts` below.
        limits: see `limits` below.
        tls: see `tls` below.
        proxy: URL of an HTTP proxy to go through, which may hold a password.
        client: what reads its answers: `fast`, the gateway's own reader, or
            `aiohttp`, aiohttp's client, which takes more CPU.
        extra: what this type of backend takes beyond the above; its own
            documentation says what.
    """

    type: str | None = None
    package: str | None = None
    api_key: Secret | None = None
    api_keys: tuple[Secret, ...] = ()
    auth: Auth = Auth()
    api_base_url: Url | None = None
    models: tuple[str, ...] = ()
    models_refresh: Seconds = 600.0
    headers: Headers = field(factory=dict)
    identity: Identity = Identity()
    loop_guard: bool = True
    timeout: TimeOut | None = None
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
    tls: Tls = Tls()
    proxy: SecretUrl | None = None
    client: Literal["fast", "aiohttp"] = "fast"
    extra: Extra = field(factory=dict)


@frozen
class Route:
    """
    One line of the route table. The first that matches wins.

    Attributes:
        model: what the client says: a name, or a pattern with one `*`.
        to: where it goes, as `backend:model`; a `*` stands for what the `*` of
            `model` stood for.
        ask_usage: whether to ask the upstream for token counts where the client
            did not; the client does not see them.
        losses: what happens to a request of which something cannot be said in the
            backend's own dialect: `report` sends it and names what was lost
            (header `x-gateway-loss`, log), `refuse` answers 400 with the list.
            Where the answer would be another one it is always refused.
    """

    model: Pattern
    to: Target
    ask_usage: bool = False
    losses: Literal["report", "refuse"] = "report"


@frozen
class Log:
    """
    What is written on standard error.

    Attributes:
        format: `json`, `console`, or `auto`: console on a terminal, else JSON.
        level: the least important events that are still written.
    """

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


@frozen
class Responses:
    """
    Where answers are kept for clients of OpenAI's Responses API, who refer to them
    by id. Each is there only for callers with the key that it was made with.

    Attributes:
        file: the SQLite file, which all workers share; `none` to keep nothing. If
            not given, `responses.sqlite` in the directory that systemd gives
            (`StateDirectory=`), else in `sluicegate` below `$XDG_STATE_HOME` or
            `~/.local/state`. It is made, for its owner only, when the first answer
            is kept.
        retention: how long a conversation is kept after its last answer.
        max_size: how much is kept; what was continued longest ago makes room. One
            answer with its input may take an eighth of it.
    """

    file: str | None = None
    retention: Retention = 30 * _DAY
    max_size: StoreSize = 1024 * MiB


@frozen
class Settings:
    """
    Everything that can be set.

    Attributes:
        server: the side that the clients see.
        log: what is written on standard error.
        backends: name to backend. None at all: the gateway looks for backends by
            itself (provider keys in the environment, local servers) and always
            has `demo`.
        routes: what clients say to where it goes; the first match wins.
            `backend:model` is understood without a route.
        default_backend: takes model names that no route matches.
        responses: where answers are kept that clients refer to by id.
    """

    server: Server = Server()
    log: Log = Log()
    backends: dict[BackendName, Backend] = field(factory=dict)
    routes: tuple[Route, ...] = ()
    default_backend: str | None = None
    responses: Responses = Responses()
