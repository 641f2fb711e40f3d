"""What a page must not reach, with the default settings."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest
from urllib.parse import quote

from tests.end_to_end.browser_case import BrowserCase
from tests.end_to_end.public_site import PublicSite
from tests.support.waiting import eventually

_PATIENCE_OF_A_PAGE = 1.0
_ASKING = """
<title>page</title><script>
const ended = [];
const url = 'ASKED';
const far = url.replace('http', 'ws');
window.attempts = Promise.allSettled([
  fetch(url, {mode: 'no-cors'}).then(() => ended.push('fetch')),
  new Promise((yes, no) => { const i = new Image(); i.onload = yes; i.onerror = no;
    i.src = url; }).then(() => ended.push('image')),
  new Promise((yes, no) => { const s = new WebSocket(far); s.onopen = yes;
    s.onerror = no; }).then(() => ended.push('socket')),
  new Promise((yes, no) => { const s = document.createElement('script'); s.onload = yes;
    s.onerror = no; s.src = url; document.head.append(s);
    }).then(() => ended.push('script')),
  new Promise((yes, no) => { const r = new XMLHttpRequest(); r.onload = yes; r.onerror = no;
    r.open('POST', url); r.send('x'); }).then(() => ended.push('xhr')),
]).then(() => ended);
navigator.sendBeacon(url, 'x');
const frame = document.createElement('iframe');
frame.src = url;
document.documentElement.append(frame);
const source = new EventSource(url);
</script>
"""


def asking(url: str) -> str:
    """
    A page, quoted, that asks for something in all the ways there are.

    Images, frames, fetch, beacons, WebSockets.
    """
    return quote(_ASKING.replace("ASKED", url))


class Trap:
    """
    Listens on loopback where no browser may come.

    @ivar connections: How many came.
    """

    def __init__(self, family: socket.AddressFamily, host: str) -> None:
        self.connections = 0
        self._socket = socket.socket(family)
        self._socket.bind((host, 0))
        self._socket.listen(16)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


class SafetyTests(BrowserCase):
    variables: ClassVar[dict[str, str]] = {"BROWSER_ALLOW_PRIVATE": ""}
    traps: ClassVar[list[Trap]]
    site: ClassVar[PublicSite | None] = None

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.traps = [Trap(socket.AF_INET, "127.0.0.1")]
        if socket.has_ipv6:
            # Some machines have no IPv6 at all.
            with contextlib.suppress(OSError):
                cls.traps.append(Trap(socket.AF_INET6, "::1"))
        for trap in cls.traps:
            cls.addClassCleanup(trap.close)
        # Not everyone may make one.
        with contextlib.suppress(SkipTest):
            cls.site = PublicSite()
            cls.addClassCleanup(cls.site.stop)
        cls.server.act("goto", url="data:text/html,<title>start</title>")

    def setUp(self) -> None:
        self.before = [trap.connections for trap in self.traps]
        self.asked = len(self.pages.requests)

    def tearDown(self) -> None:
        self.assertEqual([trap.connections for trap in self.traps], self.before)
        self.assertEqual(self.pages.requests[self.asked :], [])

    @property
    def urls(self) -> list[str]:
        """Addresses that lead to this machine or its network."""
        port = self.traps[0].port
        return [
            f"{self.pages.url}/",
            f"http://localhost:{port}/",
            f"http://127.1:{port}/",
            f"http://2130706433:{port}/",
            f"http://0x7f.0.0.1:{port}/",
            f"http://0.0.0.0:{port}/",
            f"http://[::1]:{self.traps[-1].port}/",
            f"http://[::ffff:127.0.0.1]:{port}/",
            f"https://127.0.0.1:{port}/",
            f"{self.server.url}/health/liveliness",
            "http://169.254.169.254/latest/meta-data/",
            "http://10.0.0.1/",
            "http://192.168.0.1/",
        ]

    def public(self, path: str) -> str:
        """One of the pages, at a public address."""
        if self.site is None:
            raise SkipTest("no network of its own to be had")
        return self.site.url + path

    def test_by_navigation(self) -> None:
        for url in self.urls:
            with self.subTest(url):
                error = self.fail_to("goto", url=url, timeout=10)
                # Of an address in an unusual notation the browser makes the usual one.
                self.assertRegex(error, "not a public address|could not be loaded")
        error = self.fail_to("new_tab", url=self.pages.url)
        self.assertIn("not a public address", error)
        while self.act("list_tabs")["count"] > 1:
            self.act("close_tab")

    def test_by_name(self) -> None:
        host = socket.gethostname()
        url = f"http://{host}:{self.traps[0].port}/"
        error = self.fail_to("goto", url=url, timeout=10)
        self.assertRegex(error, "not a public address|not known|this machine")

    def test_by_schemes(self) -> None:
        for url in (
            "file:///etc/passwd",
            "chrome://settings",
            "view-source:http://example.com/",
            "devtools://devtools/bundled/inspector.html",
            "javascript:alert(1)",
        ):
            with self.subTest(url):
                self.assertIn("refused", self.fail_to("goto", url=url))
                self.assertIn("refused", self.fail_to("new_tab", url=url))
        while self.act("list_tabs")["count"] > 1:
            self.act("close_tab")

    def test_by_scripts_that_go_elsewhere(self) -> None:
        for url in (*self.urls[:3], "file:///etc/passwd", "chrome://version"):
            with self.subTest(url):
                self.act("goto", url="data:text/html,<title>start</title><p>here</p>")
                self.server.ask("eval_js", expression=f"void (location = {json.dumps(url)})")
                time.sleep(0.3)
                text = self.server.ask("get_text").value["data"].get("text", "")
                self.assertNotIn("root:", text)
                self.assertNotIn("Hello", text)

    def test_by_redirect(self) -> None:
        """A public page sends the browser on."""
        self.assertEqual(self.act("goto", url=self.public("/redirect?to=/"))["title"], "home")
        for url in (*self.urls, f"http://{socket.gethostname()}:{self.traps[0].port}/"):
            with self.subTest(url):
                error = self.fail_to("goto", url=self.public(f"/redirect?to={url}"), timeout=10)
                self.assertIn("not a public address", error)
        for url in ("file:///etc/passwd", "chrome://version/", "view-source:http://127.0.0.1/"):
            with self.subTest(url):
                self.fail_to("goto", url=self.public(f"/redirect?to={url}"), timeout=10)

    def test_by_sub_requests(self) -> None:
        for url in self.urls:
            with self.subTest(url):
                self.act("goto", url=f"data:text/html,{asking(url)}")
                self.assertEqual(self.got(), [])

    def test_by_sub_requests_that_are_redirected(self) -> None:
        """By a public page, which a public page has asked."""
        self.act("goto", url=self.public(f"/echo?html={asking(self.public('/second'))}"))
        self.assertLessEqual({"fetch", "xhr"}, set(self.got()))
        for url in (*self.urls[:2], *self.urls[6:7], *self.urls[9:11]):
            with self.subTest(url):
                asked = self.public(f"/redirect?to={url}")
                self.act("goto", url=self.public(f"/echo?html={asking(asked)}"))
                self.assertEqual(self.got(), [])

    def got(self) -> Any:
        """By which ways the page has got what it asked for."""
        return self.act("eval_js", expression="window.attempts", timeout=20)["result"]

    def test_by_peer_connections(self) -> None:
        """WebRTC goes over UDP, past any proxy."""
        script = """
        const found = [];
        const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:9'}]});
        peer.onicecandidate = e => e.candidate && found.push(e.candidate.candidate);
        peer.createDataChannel('x');
        await peer.setLocalDescription(await peer.createOffer());
        await new Promise(done => setTimeout(done, %d));
        return found.filter(c => / udp /i.test(c));
        """
        self.act("goto", url="data:text/html,<title>start</title>")
        milliseconds = int(_PATIENCE_OF_A_PAGE * 1000)
        found = self.act("eval_js", expression=script % milliseconds)["result"]
        self.assertEqual(found, [])


class OpenTests(BrowserCase):
    """What C{BROWSER_ALLOW_PRIVATE=1} opens, and what stays closed."""

    def test_pages_reach_this_machine(self) -> None:
        self.assertEqual(self.goto("/")["title"], "home")
        url = f"{self.pages.url}/redirect?to=/second"
        self.assertEqual(self.act("goto", url=url)["title"], "second")
        self.act("goto", url=f"{self.server.url}/health/liveliness")

    def test_but_no_files(self) -> None:
        self.assertIn("refused", self.fail_to("goto", url="file:///etc/passwd"))
        url = f"{self.pages.url}/redirect?to=file:///etc/passwd"
        self.fail_to("goto", url=url)
        self.assertNotIn("root:", str(self.server.ask("get_text").value))

    def test_nor_by_the_address_bar_of_another_window(self) -> None:
        """Keys are the person's: they reach the browser, and not its page alone."""
        for keys in (["ctrl+shift+n"], ["ctrl+n", "ctrl+l"]):
            for url in ("file:///etc/passwd", "view-source:" + self.pages.url):
                with self.subTest(keys=keys, url=url):
                    self.goto("/")
                    for key in keys:
                        self.act("send_key", key=key)
                        # The window comes when the X server has it.
                        self.act("sleep", duration=0.5)
                    self.act("system_type", text=url)
                    self.act("send_key", key="enter")
                    self.act("sleep", duration=0.5)
                    self.assertNotRegex(self.shown(), "root:|<title>|some words</p>")

    def shown(self) -> str:
        """The text of all tabs; only the first is left."""
        texts = []
        while True:
            count = self.act("list_tabs")["count"]
            self.act("switch_tab", index=count - 1)
            texts.append(str(self.server.ask("get_text").value))
            if count == 1:
                return "".join(texts)
            self.act("close_tab")

    def test_no_dialog_shows_this_machines_files(self) -> None:
        """Nor in a tab that a page has opened by itself."""
        self.goto("/form")
        at = next(
            element
            for element in self.act("get_interactive_elements")["elements"]
            if element["selector"] == "#file"
        )
        self.goto("/")
        before = self.windows()
        self.js("void (document.documentElement.onclick = () => open('/form'))")
        self.act("system_click", x=500, y=300)
        eventually(lambda: self.act("list_tabs")["count"] == 2, "no tab is opened")
        self.act("sleep", duration=0.5)
        self.act("system_click", x=at["x"], y=at["y"])
        self.act("sleep", duration=1)
        self.assertEqual(self.windows(), before)
        self.act("close_tab", index=1)

    def windows(self) -> list[str]:
        """The classes of the windows that are shown on the browser's display."""
        code = """
        import sys
        from Xlib.display import Display
        from Xlib.X import IsViewable
        for window in Display(sys.argv[1]).screen().root.query_tree().children:
            if window.get_attributes().map_state == IsViewable:
                print(window.get_wm_class())
        """
        secret = self.server.folder / "data" / "browser" / "Xauthority"
        done = self.python(textwrap.dedent(code), f":{self.display()}", XAUTHORITY=str(secret))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_a_display_opens_to_nobody_without_its_secret(self) -> None:
        self.act("ping")
        done = self.python(f"from Xlib.display import Display; Display(':{self.display()}')")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Authorization required", done.stderr)

    def python(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program that has nothing of ours but what it is given."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.server.folder), **variables}
        command = [sys.executable, "-c", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def display(self) -> str:
        """The number of the display."""
        driver = self.server.processes()["chromedriver"][0]
        variables = Path(f"/proc/{driver}/environ").read_bytes().split(b"\0")
        found = next(v for v in variables if v.startswith(b"DISPLAY=:"))
        return found.partition(b":")[2].decode()
