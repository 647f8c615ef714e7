"""``sluicegate models``: what is asked, and how it is printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway import models_table
from gateway.cli import main
from gateway.config import load
from gateway.models_table import Row, show, show_of, table
from gateway.registry import Registry
from tests.upstream import End, Upstream, reply

if TYPE_CHECKING:
    from gateway.settings import Settings

KEY = "planted-key-0123456789"
LISTED = reply({"data": [{"id": "b"}, {"id": "a\x1b[31m"}]})


def configured(backends: dict[str, Any], **more: Any) -> Settings:
    flags = [("backends", json.dumps(backends))]
    return load(None, {}, flags + [(n, json.dumps(v)) for n, v in more.items()])


def compatible(url: str, **members: Any) -> dict[str, Any]:
    return {
        "type": "openai-compatible",
        "api_base_url": url,
        "api_key": KEY,
        **members,
    }


async def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Aliases first, then each backend's; who gives none is told on the side."""
    async with Upstream(LISTED) as up, Upstream(reply({}, 500)) as down:
        settings = configured(
            {
                "lab.eu": compatible(up.url),
                "fixed": compatible(down.url, models=["m"]),
                "down": compatible(down.url),
            },
            routes=[{"model": "fast", "to": "fixed:m"}],
        )
        code = await show(settings, Registry(), as_json=False)

    out, err = capsys.readouterr()
    assert code == 0
    assert out == (
        "MODEL          OWNER   FROM\n"
        "fast           fixed   alias of fixed:m\n"
        "lab.eu:a\N{REPLACEMENT CHARACTER}[31m  lab.eu  discovered\n"
        "lab.eu:b       lab.eu  discovered\n"
        "fixed:m        fixed   configured\n"
    )
    assert err == "sluicegate: down: status 500 for the list of models\n"
    assert [r.path for r in down.requests] == ["/v1/models"]
    assert KEY not in out + err


async def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """All that is known, for a program."""
    settings = configured({"d.1": {"type": "demo"}})

    code = await show(settings, Registry(), as_json=True)

    rows = json.loads(capsys.readouterr().out)
    assert code == 0
    assert rows[0] == {
        "id": "d.1:hello",
        "owner": "d.1",
        "type": "demo",
        "source": "discovered",
        "alias": None,
    }


async def test_none_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    """A script can tell, and a person is told why."""
    async with Upstream(reply(b"<html>")) as up:
        code = await show(
            configured({"up": compatible(up.url)}), Registry(), as_json=False
        )

    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert err == "sluicegate: up: the list of models is not JSON\n"


async def test_all_at_once_and_not_for_ever(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models_table, "DEADLINE", 0.2)
    async with Upstream([End.HANG]) as slow, Upstream(LISTED) as up:
        settings = configured(
            {
                "s1": compatible(slow.url),
                "s2": compatible(slow.url),
                "up": compatible(up.url),
            }
        )
        code = await show(settings, Registry(), as_json=False)

    out, err = capsys.readouterr()
    assert code == 0
    assert "up:b" in out
    assert (
        err
        == "sluicegate: s1: no answer in 0.2 s\nsluicegate: s2: no answer in 0.2 s\n"
    )
    assert slow.accepted == 2


# -- of a gateway that runs


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_of_a_gateway(capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    rows = [{"id": "up:m", "owned_by": "up"}, {"id": "bare"}]
    async with Upstream(reply({"data": rows})) as up:
        url = up.url.removesuffix("/v1") + suffix
        code = await show_of(url, KEY, as_json=False)
        keyless = await show_of(url, None, as_json=True)

    out, _ = capsys.readouterr()
    printed, _, objects = out.partition("[")
    assert (code, keyless) == (0, 0)
    assert printed == "MODEL  OWNER\nup:m   up\nbare   -\n"
    assert json.loads("[" + objects)[0]["owner"] == "up"
    asked = [(r.path, r.header("authorization")) for r in up.requests]
    assert asked == [("/v1/models", f"Bearer {KEY}"), ("/v1/models", None)]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply({}, 401), "answers 401"),
        (reply(b"<html>"), "gives no list of models"),
        (reply({"data": 5}), "gives no list of models"),
        (reply({"data": [{"no": 1}]}), "gives no list of models"),
        (reply([1]), "gives no list of models"),  # type: ignore[arg-type]
        ([End.FIN], "Server disconnected"),
    ],
)
async def test_of_something_else(
    capsys: pytest.CaptureFixture[str], answer: Any, said: str
) -> None:
    async with Upstream(answer) as up:
        assert await show_of(up.url, None, as_json=False) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


async def test_of_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    assert await show_of("http://127.0.0.1:9", None, as_json=False) == 1
    assert "127.0.0.1" in capsys.readouterr().err


def test_empty_table() -> None:
    assert table([]) == ""
    assert table([Row("a", "")]) == "MODEL  OWNER\na      -\n"


# -- the command


def test_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLUICEGATE_CONFIG", raising=False)
    # The logging of a process is not for a test to change.
    monkeypatch.setattr("gateway.log.set_up", lambda _: None)

    assert main(["models", "--set", "backends.demo=", "--log-level", "error"]) == 0
    assert "demo:hello   demo   discovered\n" in capsys.readouterr().out
    assert main(["models", "--url", "http://127.0.0.1:9"]) == 1
    with pytest.raises(SystemExit, match="NO_SUCH_KEY is not set"):
        main(["models", "--url", "http://127.0.0.1:9", "--key-env", "NO_SUCH_KEY"])
