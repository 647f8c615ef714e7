from __future__ import annotations

import re
import runpy
import shutil
import sys
import time
from pathlib import Path

import pytest
from attrs import evolve

from gateway.config import (
    ConfigError,
    Problem,
    check_backends,
    explain,
    load,
    unknown_variables,
)
from gateway.config.__main__ import main
from gateway.config.reference import renewed
from gateway.secret import Secret
from gateway.settings import Backend, Log, Route, Server, Settings, Timeouts, Tls

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "sluicegate.yaml"
KEYS = {"GATEWAY_KEY": "key-of-the-team", "OPENAI_API_KEY": "sk-of-the-provider"}

WHOLE = """
server:
  listen: ["127.0.0.1:0", "unix:/tmp/x.sock"]
  api_keys: [secret]
  max_body: 1MiB
  body_timeout: 500ms
log: {format: json, level: debug}
backends:
  up:
    type: openai-compatible
    api_base_url: http://127.0.0.1:9000/v1
    api_key: sk-up
    models: [m1]
    headers: {X-Team: blue}
    timeouts: {connect: 1s}
    tls: {verify: false}
    proxy: http://user:pass@127.0.0.1:3128
    extra: {region: eu, sizes: [1, {a: null}], api_token: hidden, on: "yes"}
  demo:
routes:
  - {model: fast, to: "up:m1", ask_usage: true}
  - {model: "claude-*", to: "up:claude-*"}
default_backend: up
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def write(text: str | bytes) -> Path:
        file = Path("c.yaml")
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    return write


@pytest.fixture
def refused(write):
    def refused(text, environ=(), overrides=()) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(write(text), dict(environ), overrides)
        assert str(caught.value).split("\n") == list(map(str, caught.value.problems))
        return str(caught.value).split("\n")

    return refused


def test_nothing() -> None:
    """Without a file, variables and flags there are the defaults."""
    assert load(None, {}) == Settings()


def test_whole(write) -> None:
    """Every kind of value arrives as what it means."""
    assert load(write(WHOLE.replace(", on:", ", 'on':")), {}) == Settings(
        server=Server(
            listen=("127.0.0.1:0", "unix:/tmp/x.sock"),
            api_keys=(Secret("secret"),),
            max_body=1024 * 1024,
            body_timeout=0.5,
        ),
        log=Log("json", "debug"),
        backends={
            "up": Backend(
                type="openai-compatible",
                api_base_url="http://127.0.0.1:9000/v1",
                api_key=Secret("sk-up"),
                models=("m1",),
                headers={"X-Team": Secret("blue")},
                timeouts=Timeouts(connect=1),
                tls=Tls(verify=False),
                proxy=Secret("http://user:pass@127.0.0.1:3128"),
                extra={
                    "region": "eu",
                    "sizes": [1, {"a": None}],
                    "api_token": "hidden",
                    "on": "yes",
                },
            ),
            "demo": Backend(),
        },
        routes=(Route("fast", "up:m1", True), Route("claude-*", "up:claude-*")),
        default_backend="up",
    )


def test_example() -> None:
    """The example is accepted with its two variables, and is read quickly."""
    best = 1.0
    for _ in range(5):
        begun = time.perf_counter()
        settings = load(EXAMPLE, KEYS)
        best = min(best, time.perf_counter() - begun)

    assert settings.server.api_keys == (Secret("key-of-the-team"),)
    assert settings.backends["openai"].api_key == Secret("sk-of-the-provider")
    assert best < 0.03


def test_rest_of_example(tmp_path: Path) -> None:
    """What the example has in comments is right as well."""
    _, _, rest = EXAMPLE.read_text().partition("# server:\n")
    text = re.sub("^# ?", "", "# server:\n" + rest, flags=re.MULTILINE)
    for name in ("admin.key", "openai-eu.key", "team-key"):
        (tmp_path / name).write_text("a-secret\n")
    file = tmp_path / "rest.yaml"
    file.write_text(text.replace("/etc/sluicegate", str(tmp_path)))

    settings = load(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert settings.server.admin_keys == (Secret("a-secret"),)
    assert settings.server.api_keys[1] == Secret("a-secret")
    assert settings.backends["eu"].api_key == Secret("a-secret")


def test_missing_variables_of_example() -> None:
    with pytest.raises(ConfigError) as caught:
        load(EXAMPLE, {})

    assert caught.value.problems == (
        Problem(
            f"{EXAMPLE}:6",
            "server.api_keys[0]",
            "environment variable GATEWAY_KEY is not set",
        ),
        Problem(
            f"{EXAMPLE}:8",
            "backends.openai.api_key",
            "environment variable OPENAI_API_KEY is not set",
        ),
    )


def test_all_problems(refused) -> None:
    """Everything that is wrong is told at once, in the order of the file."""
    text = """\
server:
  listen: ["0.0.0.0:80", "127.0.0.1"]
  worker: 2
backends:
  lab: {api_bas_url: "http://h/v1", models: [a, 5]}
  Lab: {}
  demo: {}
  demo: {}
routes:
  - {model: a}
  - to: "lab:x"
    model: 1.5
default_backend: dem
1: 2
"""

    assert refused(
        text, {"SLUICEGATE_SERVER__BACKLOG": "x"}, [("log.format", "x")]
    ) == [
        (
            "c.yaml:2: server.listen[1]: expected host:port, :port for every interface,"
            " or unix:/path, got '127.0.0.1'"
        ),
        "c.yaml:3: server.worker: unknown key; did you mean workers?",
        "c.yaml:5: backends.lab.models[1]: expected text, got the number 5; quote it",
        "c.yaml:5: backends.lab.api_bas_url: unknown key; did you mean api_base_url?",
        (
            "c.yaml:6: backends.Lab: expected a name of a-z 0-9 . _ - that begins with"
            " a letter or digit"
        ),
        "c.yaml:8: backends.demo: is already set in line 7",
        "c.yaml:10: routes[0].to: is missing",
        "c.yaml:12: routes[1].model: expected text, got the number 1.5; quote it",
        "c.yaml:13: default_backend: no backend dem; did you mean demo?",
        "c.yaml:14: expected text as key; quote it",
        "flag --set: log.format: expected one of auto, json, console; got 'x'",
        (
            "environment variable SLUICEGATE_SERVER__BACKLOG: server.backlog: expected"
            " a whole number, got 'x'"
        ),
    ]


@pytest.mark.parametrize(
    ("listen", "problem"),
    [
        (":80", "api_keys"),
        ("0.0.0.0:80", "api_keys"),
        ("[::]:80", "api_keys"),
        ("192.0.2.1:80", "api_keys"),
        ("gateway.example.com:80", "api_keys"),
        ("localhost.example.com:80", "api_keys"),
        ("127.0.0.1:80", None),
        ("127.1.2.3:80", None),
        ("[::1]:80", None),
        ("[::ffff:127.0.0.1]:80", None),
        ("LocalHost:80", None),
        ("unix:/run/x.sock", None),
    ],
)
def test_open_without_keys(write, listen: str, problem: str | None) -> None:
    """Without keys nobody from outside is let in; with keys it may be."""
    file = write(f"server: {{listen: '{listen}'}}")
    with_keys = {"SLUICEGATE_SERVER__API_KEYS": "secret"}

    assert load(file, with_keys).server.listen == (listen,)
    if problem:
        with pytest.raises(ConfigError, match=r"c.yaml:1: server.listen\[0\]: .*set"):
            load(file, {})
    else:
        assert load(file, {}).server.listen == (listen,)


def test_unread_keys_are_not_missing(refused) -> None:
    """Who has given keys that cannot be read is not told to give some."""
    text = 'server:\n  listen: ":80"\n  api_keys: ["${NO_KEY}"]'

    (only,) = refused(text)

    assert only.startswith("c.yaml:3: server.api_keys[0]: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("server: {listen: []}", "1: server.listen: expected one address at least"),
        ('server: {listen: [":1", ":1"], api_keys: k}', "1: server.listen[1]: :1 is"),
        ("backends: {a: {tls: {key_file: /k}}}", "1: backends.a.tls.key_file: a key"),
        (
            "routes: [{model: a, to: 'b:c'},\n {model: a, to: 'b:d'}]",
            "2: routes[1].model: a never gets here: routes[0] has the same model",
        ),
        ("routes: [{model: a, to: 'b:*'}]", "1: routes[0].to: b:* has a *, but"),
        ("routes: [{model: a, to: 'b'}]", "1: routes[0].to: expected backend:model"),
        ("routes: [{model: '*a*', to: 'b:c'}]", "1: routes[0].model: expected one *"),
        (
            "backends: {lab: }\nroutes: [{model: a, to: 'lap:c'}]",
            "2: routes[0].to: no backend lap; did you mean lab?",
        ),
        (
            "backends: {lab: , up: }\ndefault_backend: zzz",
            "2: default_backend: no backend zzz; there is lab, up",
        ),
        ("backends: []\ndefault_backend: x", "1: backends: expected a section"),
        ("backends: x\ndefault_backend: x", "1: backends: expected a section"),
        ("routes: {}", "1: routes: expected a list, got a section"),
        ("routes: x", "1: routes: expected a list, got text"),
    ],
)
def test_together(refused, text: str, problem: str) -> None:
    """What does not go together is told with the line of the one that is wrong."""
    (only,) = refused(text)

    assert only.startswith(f"c.yaml:{problem}")


def test_free_port_twice(write) -> None:
    """Port 0 is another port each time."""
    assert load(write("server: {listen: ['127.0.0.1:0', '127.0.0.1:0']}"), {})


def test_backends_not_known_yet(write) -> None:
    """Where the gateway looks for backends itself, their names are checked after."""
    found = load(write("default_backend: demo"), {})

    check_backends(evolve(found, backends={"demo": Backend()}))
    with pytest.raises(ConfigError, match="settings: default_backend: no backend demo"):
        check_backends(evolve(found, backends={"other": Backend()}))


def test_broken_backend_is_a_backend(refused) -> None:
    """A route to a backend that has a problem of its own is not a second one."""
    text = "backends: {lab: {type: 5}}\nroutes: [{model: a, to: 'lab:b'}]"

    (only,) = refused(text)

    assert only.startswith("c.yaml:1: backends.lab.type")


def test_explain(write) -> None:
    """What is shown gives the same settings again, except for the secrets."""
    file = write(WHOLE.replace(", on:", ", 'on':").replace("proxy:", "#"))
    settings = load(file, {})

    shown = explain(settings)

    for secret in ("secret", "sk-up", "blue", "hidden"):
        assert secret not in shown.replace("api_key", "")
    assert "max_body: 1MiB" in shown
    assert "body_timeout: 500ms" in shown
    assert explain(load(write(shown), {})) == shown


def test_explain_masks_the_proxy() -> None:
    backends = {"up": Backend(proxy=Secret("http://user:hidden@h"))}

    assert "hidden" not in explain(Settings(backends=backends))


def test_reference_is_up_to_date() -> None:
    """Run `python -m gateway.config docs/configuration.md` if this fails."""
    document = (ROOT / "docs" / "configuration.md").read_text()

    assert renewed(document) == document
    assert "| `max_body` | size | `64MiB` |" in document


def test_renew(tmp_path: Path) -> None:
    """Renewing leaves alone what a person wrote."""
    file = tmp_path / "x.md"
    document = (ROOT / "docs" / "configuration.md").read_text()
    file.write_text(document.replace("| `workers`", "| `wrokers`"))

    main(str(file))

    assert file.read_text() == document


def test_renew_from_the_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The module can be run, as the document says."""
    file = tmp_path / "x.md"
    shutil.copy(ROOT / "docs" / "configuration.md", file)
    monkeypatch.setattr(sys, "argv", ["gateway.config", str(file)])

    runpy.run_path(
        str(ROOT / "gateway" / "config" / "__main__.py"), run_name="__main__"
    )

    assert file.read_text() == (ROOT / "docs" / "configuration.md").read_text()


def test_documented_examples(write) -> None:
    """Each YAML in the document is a configuration that the gateway takes."""
    document = (ROOT / "docs" / "configuration.md").read_text()
    examples = re.findall(r"^```yaml\n(.+?)^```", document, re.DOTALL | re.MULTILINE)
    environ = {**KEYS, "BATCH_KEY_A": "a", "BATCH_KEY_B": "b"}

    for example in examples:
        load(write(example), environ)
    assert len(examples) >= 3


def test_unknown_variables() -> None:
    """A variable that sets nothing can be told, unless Kubernetes put it there."""
    environ = {
        "SLUICEGATE_WORKER": "2",
        "SLUICEGATE_PORT": "9000",
        "SLUICEGATE_CONFIG": "x",
        "SLUICEGATE_LISTEN": "x",
        "SLUICEGATE_SERVER__WORKERS": "2",
        "SLUICEGATE_SERVICE_HOST": "10.0.0.1",
        "SLUICEGATE_SERVICE_PORT_HTTP": "80",
        "SLUICEGATE_PORT_80_TCP_ADDR": "10.0.0.1",
        "SLUICEGATE_API_KEY": "of a backend of the type sluicegate",
        "SLUICEGATE_EU_API_KEY_2": "of a backend called sluicegate.eu",
        "SLUICEGATE_API_BASE_URL": "http://h/v1",
        "OTHER": "x",
    }

    assert unknown_variables(environ) == ("SLUICEGATE_PORT", "SLUICEGATE_WORKER")
    assert not unknown_variables({"SLUICEGATE_PORT": "tcp://10.0.0.1:80"})
    assert load(None, {"SLUICEGATE_PORT": "tcp://10.0.0.1:80"}) == Settings()
