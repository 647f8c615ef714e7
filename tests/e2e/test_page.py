"""The page at ``/``, driven in a real browser against a real gateway."""

from __future__ import annotations

import asyncio
import json
import shlex
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Page
from tests.process import Gateway, gateway

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.needs("chromium", "chromedriver")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
QUICK = "demo:hello?rate=1000"
NONE = "\N{EN DASH}"
in_browser = asyncio.to_thread


async def test_loads_without_complaint(page: Page, running: Gateway) -> None:
    """Nothing is refused by the policy, nothing is missing, models are listed."""

    def look() -> tuple[list[str], list[str]]:
        page.open()
        page.find("#model").click()
        groups = [heading.text for heading in page.all("#models .heading")]
        names = [option.text for option in page.all("#models [role=option]")]
        return groups, names

    groups, names = await in_browser(look)

    assert groups == ["demo"]
    assert {"demo:hello", "demo:lorem?tokens=200&rate=50"} <= set(names)
    assert await in_browser(page.complaints) == []
    async with (
        aiohttp.ClientSession() as session,
        session.get(running.url + "/") as response,
    ):
        assert response.headers["Content-Security-Policy"] == POLICY


async def test_policy_holds(page: Page) -> None:
    """An inline script that finds its way into the page does not run."""

    def attack() -> tuple[bool, list[str]]:
        page.open()
        ran = page.run(
            """
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.head.append(script);
            return window.ran ?? false;
            """
        )
        return ran, page.complaints()

    ran, complaints = await in_browser(attack)

    assert ran is False
    assert any("Content Security Policy" in text for text in complaints)


async def test_tokens_come_one_by_one(page: Page, running: Gateway) -> None:
    """The reply grows before one's eyes, and its figures are the gateway's own."""

    def chat() -> list[int]:
        page.open()
        page.run(
            """
            window.lengths = new Set();
            const look = () => {
              const answer = document.querySelector(".reply .answer");
              if (answer) window.lengths.add(answer.textContent.length);
              requestAnimationFrame(look);
            };
            look();
            """
        )
        page.ask("demo:hello")
        lengths: list[int] = page.run("return [...window.lengths];")
        return lengths

    lengths = await in_browser(chat)
    figures = await in_browser(page.figures)
    done = await running.done(figures["request"])

    assert len(lengths) > 5
    assert lengths == sorted(lengths)
    assert await in_browser(lambda: page.state) == "completed"
    assert len(await in_browser(lambda: page.answer)) > 20
    assert figures["status"] == "200"
    assert figures["finish"] == "stop"
    assert figures["source"] == "reported"
    assert int(figures["tokens"]) == done["output_tokens"]
    assert figures["bytes"] == f"{done['bytes'] / 1000:.1f} kB"
    assert all(figures[name][0].isdigit() for name in ("first", "rate", "duration"))
    assert (done["outcome"], done["model"]) == ("completed", "demo:hello")
    assert await in_browser(page.complaints) == []


@pytest.mark.parametrize("by", ["button", "escape"])
async def test_stop_ends_the_request(page: Page, running: Gateway, by: str) -> None:
    """Stopping keeps what came, says so, and the gateway sees the client go."""

    def chat() -> str:
        page.open()
        page.choose("demo:lorem?tokens=2000&rate=50")
        page.send("Something long, please.")
        page.wait(lambda: page.all(".reply .answer"), "a reply")
        page.wait(lambda: len(page.answer) > 40, "the beginning of the answer")
        if by == "button":
            page.find("#stop").click()
        else:
            page.find("#message").send_keys(Keys.ESCAPE)
        page.wait(lambda: page.state == "stopped", "a stopped reply")
        return page.answer

    kept = await in_browser(chat)
    figures = await in_browser(page.figures)
    done = await running.done(figures["request"])

    assert done["outcome"] == "client_gone"
    assert len(kept) > 40
    assert figures["source"] == "counted"
    assert figures["finish"] == NONE
    assert await in_browser(lambda: page.find("#send").is_displayed())
    await _nothing_left(running)


async def test_stop_before_the_first_token(page: Page, running: Gateway) -> None:
    """A model that never answers can be left, and the message is given back."""

    def chat() -> str:
        page.open()
        page.choose("demo:hang?after=0")
        page.send("Are you there?")
        page.wait(lambda: page.find("#stop").is_displayed(), "a Stop button")
        page.find("#stop").click()
        page.wait(lambda: page.state == "stopped", "a stopped reply")
        return page.value("#message")

    assert await in_browser(chat) == "Are you there?"
    await running.event("exchange.done", outcome="client_gone")
    await _nothing_left(running)


async def test_refusal_is_no_answer(page: Page) -> None:
    """What the model says to decline stands apart from what it answers."""

    def chat() -> tuple[str, bool]:
        page.open()
        page.ask("demo:refuse")
        return page.part(".refusal .text").text, page.part(".answer").is_displayed()

    refusal, answered = await in_browser(chat)

    assert refusal
    assert not answered


async def test_error_is_explained(page: Page) -> None:
    """An error status shows its code and message, and gives the message back."""

    def chat() -> tuple[str, str, str]:
        page.open()
        page.ask("demo:fail?status=429", "Are you busy?")
        return page.state, page.part(".notice .message").text, page.value("#message")

    state, message, given_back = await in_browser(chat)
    figures = await in_browser(page.figures)

    assert state == "failed"
    assert len(message) > 10
    assert await in_browser(lambda: page.part(".notice .code").text)
    assert figures["status"] == "429"
    assert figures["finish"] == NONE
    assert figures["request"] != NONE
    assert given_back == "Are you busy?"


async def test_cut_stream_is_no_success(page: Page, running: Gateway) -> None:
    """A stream that breaks keeps its text, and is never shown as completed."""

    def chat() -> tuple[str, str, str]:
        page.open()
        page.ask("demo:cut?after=5")
        return page.state, page.answer, page.part(".notice").text

    state, text, notice = await in_browser(chat)
    figures = await in_browser(page.figures)

    assert state in {"failed", "truncated"}
    assert text
    assert notice
    assert figures["status"] == "200"
    assert figures["finish"] == NONE
    assert (await running.done(figures["request"]))["outcome"] != "completed"


async def test_thinking_folds_away(page: Page) -> None:
    """Thinking is shown apart from the answer, closed once the answer is there."""

    def chat() -> tuple[str, bool, str]:
        page.open()
        page.ask("demo:think")
        thought = page.part(".thinking .text").get_attribute("textContent") or ""
        is_open = page.part(".thinking").get_attribute("open") is not None
        page.part(".thinking summary").click()
        page.wait(lambda: page.part(".thinking .text").is_displayed(), "the thought")
        return thought, is_open, page.answer

    thought, is_open, answer = await in_browser(chat)

    assert thought
    assert not is_open
    assert answer
    assert thought not in answer


async def test_tool_call_and_its_answer(page: Page) -> None:
    """A call shows its name and arguments; its result goes with the next turn."""

    def chat() -> tuple[str, str, str]:
        page.open()
        page.record_requests()
        page.find("#composer summary").click()
        page.find("#offer-tool").click()
        page.ask("demo:tools", "What is the weather in Brno?")
        call = page.part(".call")
        name = call.find_element(By.CSS_SELECTOR, ".name").text
        arguments = call.find_element(By.CSS_SELECTOR, ".text").text
        return name, arguments, page.figures()["finish"]

    name, arguments, finish = await in_browser(chat)
    await in_browser(page.ask, QUICK, "Thank you.")
    first, second = await in_browser(page.requests)

    assert name == "get_weather"
    assert isinstance(json.loads(arguments), dict)
    assert finish == "tool_calls"
    assert [tool["function"]["name"] for tool in first["tools"]] == ["get_weather"]
    roles = [message["role"] for message in second["messages"]]
    assert roles == ["user", "assistant", "tool", "user"]
    call, result = second["messages"][1]["tool_calls"][0], second["messages"][2]
    assert call["function"] == {"name": "get_weather", "arguments": arguments}
    assert result["tool_call_id"] == call["id"]


async def test_conversation_and_options(page: Page) -> None:
    """Turns add up until New chat; failed turns and empty options stay out."""

    def chat() -> None:
        page.open()
        page.record_requests()
        page.ask(QUICK, "One")
        page.ask("demo:fail?status=500", "Two")
        page.find("#composer summary").click()
        page.find("#system").send_keys("Be brief.")
        page.find("#temperature").send_keys("0.5")
        page.ask(QUICK, "Three")
        page.find("#new").click()
        page.ask(QUICK, "Four")

    await in_browser(chat)
    one, _, three, four = await in_browser(page.requests)

    assert one == {
        "model": QUICK,
        "messages": [{"role": "user", "content": "One"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    said = [(message["role"], message["content"]) for message in three["messages"]]
    (_, reply) = said.pop(2)
    assert reply
    assert said == [("system", "Be brief."), ("user", "One"), ("user", "Three")]
    assert three["temperature"] == 0.5
    assert [message["content"] for message in four["messages"]] == ["Be brief.", "Four"]


async def test_curl_command(page: Page) -> None:
    """What "Copy as curl" copies sends the very body that the page sends."""

    def chat() -> str:
        page.open()
        page.run("navigator.clipboard.writeText = async (t) => { window.copied = t; };")
        page.record_requests()
        page.ask(QUICK, "It's $HOME & `more`")
        page.part("[data-action=curl]").click()
        page.wait(lambda: page.run("return window.copied;"), "a copied command")
        copied: str = page.run("return window.copied;")
        return copied

    words = shlex.split((await in_browser(chat)).replace("\\\n", ""))

    assert words[:2] == ["curl", "-N"]
    assert words[2] == page.url + "/v1/chat/completions"
    assert json.loads(words[-1]) == (await in_browser(page.requests))[0]


async def test_key_is_asked_for(browser: Chrome) -> None:
    """A gateway with keys asks for one, which stays in this tab's session."""
    secret = "sk-page-0123456789abcdef"

    def enter(page: Page) -> tuple[str, Any]:
        page.load()
        page.wait(lambda: page.find("#key").is_displayed(), "the key field")
        page.find("#key").send_keys(secret, Keys.ENTER)
        page.wait(lambda: page.value("#model"), "a model in the picker")
        page.ask(QUICK)
        stores = "return [Object.values(sessionStorage), Object.values(localStorage)];"
        return page.state, page.run(stores)

    config = {"server": {"api_keys": [secret]}, "backends": {"demo": {}}}
    async with gateway(config) as locked:
        state, stores = await in_browser(enter, Page(browser, locked.url))

    assert state == "completed"
    assert stores == [[secret], []]


async def test_markup_stays_text(page: Page) -> None:
    """A model that writes HTML has written text."""
    markup = "<img src=x onerror=alert(1)><b>bold</b>"

    def chat() -> str:
        page.open()
        page.ask("demo:echo?rate=1000", markup)
        return page.answer

    assert markup in await in_browser(chat)
    assert await in_browser(page.all, ".answer *") == []


async def test_long_reply_keeps_up(page: Page) -> None:
    """Thousands of tokens: nothing is lost, and the page stays at their end."""

    def chat() -> tuple[str, bool]:
        page.open()
        page.ask("demo:lorem?tokens=3000&rate=3000", "Something long, please.")
        at_end = page.run(
            """
            const s = document.getElementById("scroller");
            return s.scrollHeight - s.scrollTop - s.clientHeight < 2;
            """
        )
        return page.state, at_end

    assert await in_browser(chat) == ("completed", True)
    assert (await in_browser(page.figures))["tokens"] == "3000"


async def test_reader_is_left_in_peace(page: Page) -> None:
    """Whoever scrolls up in a growing reply stays there, until they ask back."""

    def top() -> int:
        at: int = page.run("return document.getElementById('scroller').scrollTop;")
        return at

    def chat() -> tuple[int, int, int]:
        page.open()
        page.choose("demo:lorem?tokens=3000&rate=300")
        page.send("Something long, please.")
        page.wait(lambda: top() > 300, "a reply longer than the window")
        page.run("document.getElementById('scroller').scrollTop -= 100;")
        page.wait(lambda: page.find("#jump").is_displayed(), "a way back")
        before, size = top(), len(page.answer)
        page.wait(lambda: len(page.answer) > size + 500, "more of the answer")
        after = top()
        page.find("#jump").click()
        page.wait(lambda: top() > after + 100, "the end of the reply")
        page.find("#stop").click()
        return before, after, top()

    before, after, end = await in_browser(chat)

    assert before == after
    assert end > after


async def _nothing_left(running: Gateway) -> None:
    """Wait for no open exchange; idle connections of the browser may stay."""
    async with asyncio.timeout(3):
        status = await running.status()
        while status["active_exchanges"] or status["open_upstreams"]:
            await asyncio.sleep(0.02)
            status = await running.status()
