"""A headless Chromium, and the page at ``/`` as somebody in front of it sees it."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

# Containers rarely have what the sandbox needs; the rest keeps the browser from
# calling anybody but the gateway.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
)
_RUNNING = ("waiting", "streaming")


@contextlib.contextmanager
def chromium() -> Iterator[Chrome]:
    options = Options()
    options.binary_location = shutil.which("chromium") or ""
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_script_timeout(20)
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """
    Blocking, as the driver is: call it in a thread while a gateway runs.

    Waits end in an ``AssertionError`` when the page does not get there in time.
    """

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def load(self) -> None:
        """Load the page afresh, and forget what browsers said before."""
        self.complaints()
        self.driver.get(self.url + "/")
        self.wait(lambda: self.find("#model").is_displayed(), "the page")

    def open(self) -> None:
        """Load the page, and wait until it has read the list of models."""
        self.load()
        self.wait(lambda: self.value("#model"), "a model in the picker")

    def choose(self, model: str) -> None:
        field = self.find("#model")
        field.clear()
        field.send_keys(model)

    def send(self, text: str) -> None:
        """Write a message and press Enter; does not wait for the reply."""
        field = self.find("#message")
        field.clear()
        field.send_keys(text, Keys.ENTER)

    def ask(self, model: str, text: str = "Hello!") -> None:
        """Send a message, and wait until the reply has ended, however."""
        before = len(self.all(".reply"))
        self.choose(model)
        self.send(text)
        self.wait(lambda: len(self.all(".reply")) > before, "a new reply")
        self.wait(lambda: self.state not in _RUNNING, "the end of the reply")

    @property
    def reply(self) -> WebElement:
        """The newest reply."""
        return self.all(".reply")[-1]

    @property
    def state(self) -> str:
        return self.reply.get_attribute("data-state") or ""

    @property
    def answer(self) -> str:
        return self.part(".answer").text

    def part(self, selector: str) -> WebElement:
        """Find something inside the newest reply."""
        return self.reply.find_element(By.CSS_SELECTOR, selector)

    def figures(self) -> dict[str, str]:
        """Return the figures of the newest reply, as they are written."""
        fields = self.reply.find_elements(By.CSS_SELECTOR, "[data-figure]")
        return {f.get_attribute("data-figure") or "": f.text for f in fields}

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def value(self, selector: str) -> str:
        return str(self.find(selector).get_property("value"))

    def run(self, script: str, *args: Any) -> Any:
        """Run the body of an async function in the page; return its result."""
        done = "arguments[arguments.length - 1]"
        return self.driver.execute_async_script(
            f"const done = {done};"
            f"(async (...args) => {{ {script} }})(...arguments)"
            ".then(done, (error) => done(`failed: ${error.stack}`));",
            *args,
        )

    def record_requests(self) -> None:
        """Keep the bodies that the page sends from now on; see `requests`."""
        self.run(
            """
            const plain = window.fetch;
            window.sent = [];
            window.fetch = (url, init) => {
              if (init?.body) window.sent.push(JSON.parse(init.body));
              return plain(url, init);
            };
            """
        )

    def requests(self) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = self.run("return window.sent;")
        return sent

    def complaints(self) -> list[str]:
        """Return what the browser has logged since the last call."""
        log = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in log]

    def wait(
        self, claim: Callable[[], object], what: str, timeout: float = 10.0
    ) -> None:
        """Return once *claim* holds; *what* names it when it never does."""
        deadline = time.monotonic() + timeout
        while not claim():
            assert time.monotonic() < deadline, f"no {what} in {timeout} s"
            time.sleep(0.02)
