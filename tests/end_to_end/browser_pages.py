"""Pages on loopback that browsers under test are sent to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from tests.support.loopback import Handler, LoopbackServer

_GATE_TIMEOUT = 60.0
_EVENTS = """
<script>
window.seen = [];
const note = e => window.seen.push({type: e.type, trusted: e.isTrusted, id: e.target.id || '',
  key: e.key || ''});
for (const type of ['click', 'mousedown', 'keydown', 'input', 'wheel', 'contextmenu', 'dblclick'])
  addEventListener(type, note, true);
</script>
"""
_FORM = """
<title>form</title>
<h1 id="top">A form</h1>
<form onsubmit="event.preventDefault(); document.title = 'sent ' + this.name.value">
<input id="name" name="name" placeholder="your name">
<textarea id="words"></textarea>
<select id="choice"><option value="a">A</option><option value="b">B</option></select>
<input id="file" type="file" onchange="document.title = 'file ' + this.files[0].name + ' '
  + this.files[0].size">
<input id="locked" disabled value="x">
<button id="send">Send</button>
<a id="link" href="/second">second page</a>
<a id="popup" href="/second" target="_blank">in a new tab</a>
<span id="gone" style="display: none">hidden</span>
<div id="editable" contenteditable>old</div>
</form>
"""
_LONG = """
<title>long</title><body style="margin: 0; height: 6000px">
<button id="b0" style="position: absolute; left: 300px; top: 200px">zero</button>
<button id="b1" style="position: absolute; left: 500px; top: 1500px">one</button>
<button id="b2" style="position: absolute; left: 700px; top: 4000px">two</button>
<input id="field" style="position: absolute; left: 100px; top: 300px; width: 800px">
</body>
"""
_PAGES = {
    "/": "<title>home</title><h1>Hello</h1><p>some words</p>",
    "/second": "<title>second</title><h1>The second page</h1>",
    "/form": _FORM + _EVENTS,
    "/long": _LONG + _EVENTS,
    "/framed": "<title>framed</title><h1>above</h1>"
    '<iframe src="/long" style="width: 900px; height: 500px; margin-left: 50px; border: 7px solid">'
    "</iframe>",
    "/late": "<title>late</title><div id='box'></div><script>setTimeout(() => {"
    "document.getElementById('box').innerHTML = '<p id=came>it came</p>';"
    "history.replaceState(null, '', '/late#there'); }, 300)</script>",
    "/fetching": "<title>fetching</title><script>setTimeout(() => fetch('/slow?seconds=1').then("
    "() => document.title = 'fetched'), 50)</script>",
    "/alert": "<title>alert</title><script>alert('look out')</script>",
    "/dialogs": "<title>dialogs</title>"
    "<button id=ask onclick=\"document.title = 'said ' + confirm('sure?')\">ask</button>"
    "<button id=prompt onclick=\"document.title = 'said ' + prompt('who?')\">prompt</button>",
    "/opening": "<title>opening</title><a id=go href=/closing target=_blank rel=opener>go</a>",
    "/closing": "<title>closing</title><button id=go onclick='window.close()'>go</button>",
    "/alerts": "<title>alerts</title><button id=go onclick='for (;;) alert(1)'>go</button>",
    "/loop": "<title>loop</title><script>setTimeout(() => { for (;;); }, 200)</script>",
    "/console": "<title>console</title><script>console.warn('a warning'); console.log('a word')"
    "</script>",
    "/tabs": '<title>tabs</title><button id=go onclick="for (let i = 0; i < 100; i++)'
    " open('/second')\">go</button>",
    "/hungry": "<title>hungry</title><script>const kept = []; setInterval(() => {"
    "const more = new Uint8Array(32e6); crypto.getRandomValues(more.subarray(0, 65536));"
    "more.fill(7); kept.push(more); }, 50)</script>",
    "/download": '<title>download</title><a id="go" href="/endless" download>go</a>'
    '<a id="small" href="/file.txt" download>small</a>',
    "/gallery": "<title>gallery</title><img src='/never'>",
}


class Pages(LoopbackServer):
    """
    The server of pages.

    @ivar requests: What it was asked: method, path, header fields by lower-case names.
    @ivar gates: By name, whose C{/gate} a page waits at until it is set.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.gates: dict[str, threading.Event] = {}
        super().__init__(_Handler, host=host)

    def paths(self) -> list[str]:
        """The paths that it was asked for."""
        return [path for _, path, _ in self.requests]


class _Handler(Handler):
    owner: Pages

    def do_POST(self) -> None:
        self.body()
        self.do_GET()

    def do_GET(self) -> None:
        asked = self.fields()
        self.owner.requests.append((self.command, self.path, asked))
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        special: dict[str, Callable[[], None]] = {
            "/hang": self._hang,
            "/never": self._hang,
            "/endless": self._endless,
        }
        if parts.path in special:
            special[parts.path]()
            return
        status, more, body = 200, {}, _PAGES.get(parts.path, "").encode()
        kind = "text/html; charset=utf-8"
        if parts.path == "/slow":
            time.sleep(float(query["seconds"]))
        elif parts.path == "/gate":
            self.owner.gates[query["of"]].wait(_GATE_TIMEOUT)
            body = f"<title>{query['of']}</title>".encode()
        elif parts.path == "/redirect":
            status, more = 302, {"Location": query["to"]}
        elif parts.path == "/login":
            more = {"Set-Cookie": f"session={query['as']}; Path=/; HttpOnly"}
            body = b"<title>logged in</title>"
        elif parts.path == "/logout":
            more = {"Set-Cookie": "session=; Path=/; Max-Age=0"}
            body = b"<title>logged out</title>"
        elif parts.path == "/whoami":
            body = f"<title>whoami</title><p>{asked.get('cookie', 'nobody')}</p>".encode()
        elif parts.path == "/headers":
            body = json.dumps(asked).encode()
        elif parts.path == "/file.txt":
            kind, body = "text/plain", b"twelve bytes"
            more = {"Content-Disposition": "attachment"}
        elif parts.path == "/echo":
            body = query["html"].encode()
        elif parts.path not in _PAGES:
            status, body = 404, b"<title>nothing</title>"
        self.send(status, body, kind, more)

    def _hang(self) -> None:
        self.owner.stopping.wait(120)
        self.close_connection = True

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Disposition", "attachment; filename=endless.bin")
        self.end_headers()
        while not self.owner.stopping.is_set():
            self.wfile.write(bytes(1 << 20))
