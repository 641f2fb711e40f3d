"""
The admin page in a real Chromium, with everything behind it that it shows.

As a program it makes the pictures in C{docs/}: C{python -m tests.end_to_end.admin_page docs}.
"""

from __future__ import annotations

import base64
import io
import json
import random
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import SkipTest
from urllib.parse import urlsplit

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.end_to_end.provider import API_KEY, FakeProvider
from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.stand_in_claude import install_stand_in

SCREENS = (
    "overview", "playground", "models", "keys", "spend", "runs", "storage", "browsers", "tools",
    "logs",
)  # fmt: skip
_AXE = Path(sys.prefix) / "axe-core/node_modules/axe-core/axe.min.js"
_PATIENCE = 15.0
_NOWHERE = "http://127.0.0.1:1"
_HELLO = [{"role": "user", "content": "Hello"}]
_DROP = """
const [target, name, type, encoded] = arguments;
const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
const dataTransfer = new DataTransfer();
dataTransfer.items.add(new File([bytes], name, { type }));
for (const kind of ["dragenter", "dragover", "drop"])
  target.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }));
"""
_DEPLOYMENTS = {
    "gpt-fake": ("gpt-4o-mini", "chat"),
    "broken": ("status-400", "chat"),
    "calls-tool": ("calls-tool", "chat"),
    "embedder": ("text-embedding-3-small", "embedding"),
    "painter": ("gpt-image-1", "image_generation"),
    "speaker": ("tts-1", "audio_speech"),
    "listener": ("whisper-1", "audio_transcription"),
}


def need_chromium() -> None:
    """Skip the test where there is no Chromium."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        raise SkipTest("chromium or chromedriver is not installed: see apt-packages.txt")


class AdminServer(Server):
    """
    A server with models, storage and Claude Code that are all stand-ins.

    @ivar provider: Whose models they are.
    """

    def __init__(self, **variables: str) -> None:
        self.provider = FakeProvider()
        models = "".join(
            f"  - model_name: {name}\n"
            f"    litellm_params: {{model: openai/{model}, api_base: '{self.provider.base}',"
            f" api_key: {API_KEY}}}\n"
            f"    model_info: {{mode: {mode}}}\n"
            for name, (model, mode) in _DEPLOYMENTS.items()
        )
        super().__init__(
            f"model_list:\n{models}mcp_servers:\n  tickets: {{url: '{_NOWHERE}/mcp'}}\n",
            HYBRIDS3_MASTER_KEY="storage-master-0123456789",
            HYBRIDS3_UPLOADS_KEY="uploads-key-0123456789",
            CLAUDEBOX_API_TOKEN="claudebox-token-0123456789",
            CLAUDEBOX_ANTHROPIC_API_KEY="sk-ant-nothing",
            STEALTHY_AUTO_BROWSE_AUTH_TOKEN="browser-token-0123456789",
            **variables,
        )

    def start(self) -> None:
        """See L{Server}."""
        self.variables.setdefault("CLAUDE_BIN", str(install_stand_in(self.folder)))
        super().start()

    def ask(self, path: str, body: object) -> None:
        """Call it with the master key."""
        request = urllib.request.Request(self.url + path, json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {MASTER_KEY}")
        urllib.request.urlopen(request, timeout=20).close()

    def stop(self) -> int:
        """See L{Server}."""
        self.provider.stop()
        return super().stop()


class Page:
    """
    The page.

    @param server: Whose.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        options = webdriver.ChromeOptions()
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--force-prefers-reduced-motion",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        options.add_experimental_option("perfLoggingPrefs", {"enablePage": False})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.size(1280, 860)
        self.theme("light")

    def quit(self) -> None:
        """Close it."""
        self.driver.quit()

    # How it looks.

    def size(self, width: int, height: int) -> None:
        """Make the window that large."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def theme(self, name: str) -> None:
        """What the system prefers: C{light} or C{dark}."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def overflow(self) -> int:
        """Pixels that the page is wider than the window."""
        wide: int = self.run("return document.documentElement.scrollWidth - innerWidth")
        return wide

    def faults(self, *rules: str) -> list[str]:
        """
        What axe-core finds that is serious or critical.

        @param rules: Those that are looked at; none: all.
        """
        if not _AXE.exists():
            raise SkipTest("axe-core is not installed: run make axe-core")
        if not self.run("return 'axe' in window"):
            self.run(_AXE.read_text("utf-8"))
        found = self.driver.execute_async_script(
            "const [rules, done] = arguments;"
            "const some = rules.length ? {runOnly: rules} : {};"
            "axe.run(document, {resultTypes: ['violations'], ...some}).then(done)",
            rules,
        )
        return [
            f"{each['id']}: {each['nodes'][0]['html'][:200]}: {each['nodes'][0]['failureSummary']}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]

    # What it does.

    def load(self) -> None:
        """Load it, without a key."""
        self.driver.get(f"{self.server.url}/ui/")
        self.find("input[name=key]")

    def unlock(self, key: str = MASTER_KEY) -> None:
        """Give it a key."""
        self.find("input[name=key]").send_keys(key, Keys.ENTER)

    def open(self, screen: str) -> None:
        """Go to a screen, or begin anew on it; there is no key needed any more."""
        self.run(
            "document.querySelector('.page').dataset.old = '';"
            "location.hash = '#/'; location.hash = arguments[0]",
            f"#/{screen}",
        )
        self.find(f"[data-page={screen}]:not([data-old]) h1")
        self.wait(lambda: not self.all(".loading"), f"{screen} is loaded")

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in it."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        """What a selector finds now."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector: str, text: str = "") -> WebElement:
        """Wait for what is seen of a selector and has a text in it."""

        def found() -> WebElement | None:
            for each in self.all(selector):
                if each.is_displayed() and text in each.text:
                    return each
            return None

        element: WebElement = self.wait(found, f"{selector} {text!r} is there")
        return element

    def click(self, selector: str, text: str = "") -> None:
        """Click on it."""

        def clicked() -> bool:
            # Between finding and clicking it may have been drawn anew.
            self.find(selector, text).click()
            return True

        self.wait(clicked, f"{selector} {text!r} is clicked")

    def type(self, selector: str, text: str) -> None:
        """Type in place of what is there."""
        element = self.find(selector)
        element.clear()
        element.send_keys(text)

    def drop(self, target: WebElement, name: str, media_type: str, data: bytes) -> None:
        """Drop a file, as if it was dragged from a folder."""
        self.run(_DROP, target, name, media_type, base64.b64encode(data).decode())

    def wait(self, holds: Callable[[], Any], what: str) -> Any:
        """Wait until something holds, and give what that was."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                if found := holds():
                    return found
            except Exception as error:
                if "stale" not in str(error):
                    raise
            if time.monotonic() > deadline:
                body = self.driver.find_element(By.TAG_NAME, "body").text
                raise AssertionError(f"not so: {what}; the page says:\n{body[:2000]}")
            time.sleep(0.03)

    # What it did.

    def complaints(self) -> list[str]:
        """What the console has got since the last time."""
        entries: list[dict[str, Any]] = self.driver.get_log("browser")
        return [entry["message"] for entry in entries]

    def strangers(self) -> set[str]:
        """The origins beside the server's that were asked since the last time."""
        ours = urlsplit(self.server.url).netloc
        return {origin for origin in self._origins() if origin != ours}

    def _origins(self) -> Iterator[str]:
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                params = message["params"]
                url = params.get("url") or params["request"]["url"]
                if not url.startswith(("blob:", "data:", "chrome:", "about:")):
                    yield urlsplit(url).netloc


def _traffic(server: AdminServer) -> None:
    """Give the page something to show."""
    for number in range(150):
        server.ask("/v1/chat/completions", {"model": "gpt-fake", "messages": _HELLO})
        if number % 4 == 0:
            server.ask("/v1/embeddings", {"model": "embedder", "input": "Hello"})
        time.sleep(random.choice((0.02, 0.05, 0.2)))


def _save(page: Page, path: Path) -> None:
    picture = Image.open(io.BytesIO(page.driver.get_screenshot_as_png()))
    colours = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    colours.save(path, optimize=True)


def main(folder: Path) -> None:
    """Make the pictures."""
    server = AdminServer()
    try:
        server.wait_until_up()
        for name, budget in (("notebook", 5), ("website", 50), ("batch jobs", 0.002)):
            limits = {"max_budget": budget, "rpm_limit": 60, "models": ["gpt-fake"]}
            server.ask("/key/generate", {"key_alias": name, **limits})
        page = Page(server)
        try:
            page.load()
            page.unlock()
            page.find(".live", "Live")
            page.open("overview")
            _traffic(server)
            time.sleep(2)
            _save(page, folder / "admin-overview.png")
            page.theme("dark")
            _save(page, folder / "admin-overview-dark.png")
            page.open("keys")
            _save(page, folder / "admin-keys.png")
            page.theme("light")
            page.size(400, 800)
            page.open("playground")
            page.find(".say textarea").send_keys("What is this?", Keys.ENTER)
            page.find(".said .meta")
            page.run("document.querySelector('.chat').scrollIntoView({block: 'end'})")
            _save(page, folder / "admin-playground.png")
        finally:
            page.quit()
    finally:
        server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
