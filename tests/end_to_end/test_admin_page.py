"""The admin page as a person uses it: each screen in a real Chromium."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import urllib.error
import urllib.request
import wave
from pathlib import Path
from unittest import TestCase

from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from tests.end_to_end.admin_page import SCREENS, AdminServer, Page, need_chromium
from tests.end_to_end.server import MASTER_KEY


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "#4f46e5").save(out, "PNG")
    return out.getvalue()


def _recording() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(800))
    return out.getvalue()


class AdminPageTests(TestCase):
    """One server, one browser; the key is given once."""

    server: AdminServer
    page: Page

    @classmethod
    def setUpClass(cls) -> None:
        need_chromium()
        cls.server = AdminServer()
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_until_up()
        cls.page = Page(cls.server)
        cls.addClassCleanup(cls.page.quit)
        cls.folder = Path(tempfile.mkdtemp(prefix="aigate-admin-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.page.load()
        cls.page.unlock()
        cls.page.find(".live", "Live")

    def setUp(self) -> None:
        # A test that came before must not leave the page narrow or dark.
        self.page.size(1280, 860)
        self.page.theme("light")

    def tearDown(self) -> None:
        self.assertEqual(self.page.complaints(), [])
        self.assertEqual(self.page.strangers(), set())

    def ask(self, path: str, key: str, body: object = None) -> tuple[int, bytes]:
        """Call the server as a program does."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server.url + path, data)
        request.add_header("Authorization", f"Bearer {key}")
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def file(self, name: str, data: bytes) -> str:
        """A file on the disk; its path."""
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    # The screens.

    def test_overview_is_live(self) -> None:
        page = self.page
        page.open("overview")
        before = self.server.log.count("GET /health/readiness")
        self.assertEqual(before, 0)
        for _ in range(60):
            self.ask("/health/readiness", MASTER_KEY)
        page.find(".tile", "/s")
        page.wait(
            lambda: int(page.find(".tile .about").text.split()[0].replace(",", "")) >= 60,
            "the requests are counted",
        )
        page.wait(lambda: page.all(".plot path.line"), "they are drawn")
        page.find(".services", "/storage/")
        page.find(".services", "CLAUDEBOX_ZAI_API_TOKEN is not set")
        page.find(".services", "gpt-fake")
        page.find(".services dd:first-of-type .badge", "/mcp/, with tickets")

    def test_chat_is_streamed_with_a_picture(self) -> None:
        page = self.page
        page.open("playground")
        Select(page.find("[role=tabpanel] select")).select_by_visible_text("gpt-fake")
        page.drop(page.find(".chat"), "dawn.png", "image/png", _png())
        page.find(".thumbs img")
        page.type(".say textarea", "What is this?")
        page.find(".say textarea").send_keys(Keys.ENTER)
        page.find(".said.mine", "What is this?")
        page.find(".said", "0 1 2 3 4")
        page.find(".said .meta", "first after")
        _, _, body = self.server.provider.requests[-1]
        words, picture = body["messages"][0]["content"]
        self.assertEqual(words["text"], "What is this?")
        self.assertTrue(picture["image_url"]["url"].startswith("data:image/png;base64,"))

    def test_chat_has_tools_called(self) -> None:
        page = self.page
        page.open("playground")
        Select(page.find("[role=tabpanel] select")).select_by_visible_text("calls-tool")
        page.click("summary", "Tools")
        page.click(".check input[value=hybrids3-list_buckets]")
        page.type(".say textarea", "Which buckets are there?")
        page.find(".say textarea").send_keys(Keys.ENTER)
        page.find(".said.tool", "hybrids3-list_buckets done")
        page.find(".said", "0 1 2 3 4")
        _, _, body = self.server.provider.requests[-1]
        asked, called, answered = body["messages"]
        self.assertEqual(asked["content"], "Which buckets are there?")
        self.assertEqual(called["tool_calls"][0]["function"]["arguments"], "{}")
        self.assertEqual(answered["tool_call_id"], "call_1")
        self.assertIn("uploads", answered["content"])

    def test_chat_says_why_there_is_no_answer(self) -> None:
        page = self.page
        page.open("playground")
        Select(page.find("[role=tabpanel] select")).select_by_visible_text("broken")
        page.type(".say textarea", "Hello")
        page.click(".say button.primary")
        page.find(".said.bad", "as asked")
        # The browser itself tells the console of each answer that is an error.
        (complaint,) = page.complaints()
        self.assertIn("status of 400", complaint)

    def test_embeddings_pictures_speech_and_transcription(self) -> None:
        page = self.page
        page.open("playground")
        page.click("#tab-embedding")
        page.click("form button.primary")
        page.find(".facts", "Dimensions")
        page.click("#tab-image_generation")
        page.click("form button.primary")
        page.find(".shown img, .shown a")
        page.click("#tab-audio_speech")
        page.click("form button.primary")
        page.find(".shown audio")
        page.click("#tab-audio_transcription")
        path = self.file("said.wav", _recording())
        page.find("input[name=file]").send_keys(path)
        page.click("form button.primary")
        page.find(".shown", f"{len(_recording())} bytes")

    def test_models_are_tried(self) -> None:
        page = self.page
        page.open("models")
        page.click("[data-model=gpt-fake] button")
        page.find("[data-model=gpt-fake]", "answers in")
        page.click("[data-model=broken] button")
        page.find("[data-model=broken]", "as asked")
        page.wait(lambda: page.complaints(), "the browser tells of the 400")

    def test_a_key_is_made_limited_blocked_and_deleted(self) -> None:
        page = self.page
        page.open("keys")
        page.click(".head button.primary")
        page.type("dialog input[name=key_alias]", "notebook")
        page.type("dialog input[name=max_budget]", "2.5")
        page.type("dialog input[name=allowed_mcp_servers]", "hybrids3")
        page.click("dialog button[type=submit]")
        key = page.find("dialog .secret code").text
        page.click("dialog button.primary")
        page.find("[data-key=notebook]", "$0 of $2.50")
        listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        self.assertIn(b"hybrids3-list_buckets", self.ask("/mcp/", key, listing)[1])
        self.assertEqual(self.ask("/v1/models", key)[0], 200)

        page.click("[data-key=notebook] button", "Limit")
        page.type("dialog input[name=rpm_limit]", "30")
        page.click("dialog button[type=submit]")
        page.find("[data-key=notebook]", "30 calls/min")
        self.assertIn(b"hybrids3-list_buckets", self.ask("/mcp/", key, listing)[1])

        page.click("[data-key=notebook] button", "Block")
        page.find("[data-key=notebook] .badge.bad", "blocked")
        self.assertEqual(self.ask("/v1/models", key)[0], 401)
        page.click("[data-key=notebook] button", "Unblock")
        page.find("[data-key=notebook] .badge.good", "active")
        self.assertEqual(self.ask("/v1/models", key)[0], 200)

        page.click("[data-key=notebook] button", "Delete")
        page.click("dialog button.danger")
        page.wait(lambda: not page.all("[data-key=notebook]"), "it is gone")
        self.assertEqual(self.ask("/v1/models", key)[0], 401)

    def test_spend_is_shown_and_saved(self) -> None:
        page = self.page
        body = {"model": "gpt-fake", "messages": [{"role": "user", "content": "Hi"}]}
        self.assertEqual(self.ask("/v1/chat/completions", MASTER_KEY, body)[0], 200)
        where = {"behavior": "allow", "downloadPath": str(self.folder)}
        page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", where)
        page.wait(self.spend_is_written, "the call is written down")
        page.open("spend")
        page.find("td", "gpt-fake")
        page.find("td", "master key")
        page.wait(lambda: page.all(".plot rect.bar"), "the days are drawn")
        page.click(".head button")
        (path,) = page.wait(self.saved, "it is saved")
        lines = path.read_text("utf-8").splitlines()
        self.assertEqual(lines[0], "by,name,requests,prompt_tokens,completion_tokens,spend_usd")
        self.assertEqual({line.split(",")[0] for line in lines[1:]}, {"day", "model", "key"})

    def saved(self) -> list[Path]:
        """The file, once something is in it."""
        return [path for path in self.folder.glob("*.csv") if path.stat().st_size]

    def spend_is_written(self) -> bool:
        return b"gpt-fake" in self.ask("/global/spend/models", MASTER_KEY)[1]

    def test_a_file_is_dropped_previewed_shared_and_deleted(self) -> None:
        page = self.page
        page.open("storage")
        page.click("[data-bucket=uploads]")
        zone = page.find(".dropzone")
        page.drop(zone, "notes.txt", "text/plain", b"The lighthouse is lit.")
        page.drop(zone, "dawn.png", "image/png", _png())
        page.click("[data-object='notes.txt'] button.link")
        page.find("dialog pre", "The lighthouse is lit.")
        page.find("dialog").send_keys(Keys.ESCAPE)
        page.click("[data-object='dawn.png'] button.link")
        picture = page.find("dialog img")
        page.wait(lambda: page.run("return arguments[0].naturalWidth", picture) == 40, "it shows")
        page.click("dialog button.primary")
        page.click("[data-object='notes.txt'] button", "Link")
        page.click("dialog button[type=submit]")
        link = page.find("dialog .secret code").text
        with urllib.request.urlopen(link, timeout=20) as response:
            self.assertEqual(response.read(), b"The lighthouse is lit.")
        page.click("dialog button", "Close")
        page.click("[data-object='notes.txt'] button", "Delete")
        page.click("dialog button.danger")
        page.wait(lambda: not page.all("[data-object='notes.txt']"), "it is gone")

    def test_a_run_is_begun_followed_and_cancelled(self) -> None:
        page = self.page
        page.open("runs")
        page.click(".head button.primary")
        prompt = page.find("dialog textarea[name=prompt]")
        # Typed, its line breaks would be keys.
        page.run("arguments[0].value = arguments[1]", prompt, "say On my way.\nsleep 300")
        page.type("dialog input[name=workspace]", "harbour")
        page.click("dialog button[type=submit]")
        page.find(".transcript .said", "On my way.")
        page.find("[data-run] .badge", "running")
        page.click("[data-run] button", "Files")
        page.find(".crumbs", "harbour")
        page.click("[data-run] button", "Cancel")
        page.find("[data-run] .badge", "cancelled")
        page.click(".head button.primary")
        page.type("dialog textarea[name=prompt]", "say Ahoy.")
        page.click("dialog button[type=submit]")
        page.find(".transcript", "success · 1 turn · 12 ms")

    def test_a_browser_is_sent_somewhere_and_watched(self) -> None:
        page = self.page
        page.open("browsers")
        if shutil.which("Xvfb") is None:
            page.find(".empty", "Browsers are off")
            return
        page.find(".tile", "Waiting in line")
        page.type("input[type=url]", "about:blank")
        page.click("form button.primary")
        page.find(".desktop .badge.good", "idle")
        page.click("[aria-label='Watch browser1']")
        picture = page.find(".desktop img")
        page.wait(lambda: page.run("return arguments[0].naturalWidth", picture) == 640, "it shows")
        page.click("[aria-label='Watch browser1']")
        page.wait(lambda: not page.all(".desktop img"), "it is left alone")

    def test_a_tool_is_called_from_its_form(self) -> None:
        page = self.page
        page.open("tools")
        page.find("[data-server=tickets]", "cannot connect")
        page.type("input[type=search]", "upload")
        page.click("[data-tool=hybrids3-upload_object]")
        page.type("form [name=bucket]", "uploads")
        page.type("form [name=key]", "made/by-tool.txt")
        page.type("form [name=content]", "written by a tool")
        page.click("form button.primary")
        page.find(".shown pre", "made/by-tool.txt")
        status, body = self.ask("/storage/uploads/made/by-tool.txt", "uploads-key-0123456789")
        self.assertEqual((status, body), (200, b"written by a tool"))

    def test_logs_are_searched_by_request_id_and_followed(self) -> None:
        page = self.page
        request = urllib.request.Request(self.server.url + "/health/liveliness?search")
        request.add_header("X-Request-Id", "needle-in-the-log")
        urllib.request.urlopen(request, timeout=20).close()
        page.open("logs")
        page.type("input[name=request_id]", "needle-in")
        page.find("input[name=request_id]").send_keys(Keys.ENTER)
        page.wait(lambda: len(page.all(".log li")) == 1, "one line is left")
        page.find(".log li", "GET /health/liveliness 200")
        page.type("input[name=request_id]", "fresh")
        page.click(".check input")
        request.add_header("X-Request-Id", "fresh-one")
        page.find(".empty")
        urllib.request.urlopen(request, timeout=20).close()
        page.find(".log .id", "fresh-on")
        self.assertNotIn(MASTER_KEY, page.find("main").text)

    # How it is to use.

    def test_keyboard_alone(self) -> None:
        """From the skip link through the menu to a screen and a dialog, and out of it."""
        page = self.page
        page.load()
        self.assertEqual(self.focused(), "key")
        self.tab_to("Skip to content", Keys.SHIFT)
        self.press(Keys.ENTER)
        self.assertEqual(page.run("return document.activeElement.id"), "main")
        self.tab_to("key")
        self.press(MASTER_KEY, Keys.ENTER)
        page.find(".live", "Live")
        self.assertEqual(page.run("return document.activeElement.id"), "main")
        self.tab_to("Keys", Keys.SHIFT)
        self.press(Keys.ENTER)
        page.find("[data-page=keys] h1")
        self.tab_to("New key")
        outline = page.run("return getComputedStyle(document.activeElement).outlineStyle")
        self.assertEqual(outline, "solid")
        self.press(Keys.ENTER)
        page.find("dialog[open]")
        self.press(Keys.ESCAPE)
        page.wait(lambda: not page.all("dialog"), "it is closed")
        self.assertEqual(self.focused(), "New key")

    def press(self, *keys: str) -> None:
        ActionChains(self.page.driver).send_keys(*keys).perform()

    def focused(self) -> str:
        """What has the focus: its words, or its name."""
        told: str = self.page.run(
            "const e = document.activeElement;"
            "return e.innerText?.trim() || e.getAttribute('aria-label') || e.name || e.id"
        )
        return told

    def tab_to(self, what: str, held: str | None = None) -> None:
        for _ in range(40):
            chain = ActionChains(self.page.driver)
            if held is not None:
                chain.key_down(held)
            chain.send_keys(Keys.TAB)
            if held is not None:
                chain.key_up(held)
            chain.perform()
            if self.focused() == what:
                return
        self.fail(f"{what} is not reached by Tab")

    def test_narrow_light_and_dark(self) -> None:
        """No screen is wider than a telephone; nobody is kept out by colours or missing names."""
        page = self.page
        for theme, rules in (("light", ()), ("dark", ("color-contrast",))):
            page.theme(theme)
            for screen in SCREENS:
                page.size(400, 800)
                page.open(screen)
                with self.subTest(screen, theme=theme):
                    self.assertLessEqual(page.overflow(), 0)
                    self.assertEqual(page.faults(*rules), [])
        page.click(".top button")
        page.find(".side a", "Logs")
        self.assertEqual(page.faults(), [])
        page.click(".side a", "Logs")
        page.wait(lambda: not page.all(".menu-open"), "the menu is closed")

    def test_the_switch_overrules_the_system(self) -> None:
        page = self.page
        page.open("overview")
        seen = []
        for _ in range(3):
            page.click(".foot button")
            seen.append(page.run("return getComputedStyle(document.body).backgroundColor"))
        light, dark, system = seen
        self.assertNotEqual(light, dark)
        self.assertEqual(system, light)

    def test_a_wrong_key_opens_nothing_and_none_is_kept(self) -> None:
        page = self.page
        page.load()
        page.unlock("sk-wrong")
        page.find(".lock .error", "This is not the master key.")
        kept = page.run("return JSON.stringify([localStorage, sessionStorage, document.cookie])")
        self.assertNotIn("sk-", kept)
        page.wait(lambda: page.complaints(), "the browser tells of the 401")
        page.type("input[name=key]", MASTER_KEY)
        page.find("input[name=key]").send_keys(Keys.ENTER)
        page.find(".live", "Live")


class BasicAuthTests(TestCase):
    """With C{LITELLM_UI_BASIC_AUTH}."""

    def test_the_page_its_calls_and_its_socket_pass_also_after_a_restart(self) -> None:
        need_chromium()
        server = AdminServer(LITELLM_UI_BASIC_AUTH="ada:lovelace")
        self.addCleanup(server.stop)
        server.wait_until_up()
        page = Page(server)
        self.addCleanup(page.quit)
        page.driver.get(f"http://ada:lovelace@127.0.0.1:{server.port}/ui/")
        page.unlock("sk-wrong")
        page.find(".lock .error", "This is not the master key.")
        page.wait(lambda: page.complaints(), "the browser tells of the 403")
        page.type("input[name=key]", MASTER_KEY)
        page.find("input[name=key]").send_keys(Keys.ENTER)
        page.find(".live", "Live")
        page.open("keys")
        page.find(".empty", "No virtual key yet")
        self.assertEqual(page.complaints(), [])
        server.terminate()
        page.find(".live", "Reconnecting")
        server.start()
        server.wait_until_up()
        page.find(".live", "Live")
        page.open("overview")
        page.find(".services", "/storage/")
        server.terminate()
        server.variables["LITELLM_MASTER_KEY"] = "sk-another-0123456789"
        server.start()
        server.wait_until_up()
        page.run("location.hash = '#/keys'")
        page.find(".lock .error", "The key is not valid any more.")
        page.unlock("sk-another-0123456789")
        page.find(".live", "Live")
