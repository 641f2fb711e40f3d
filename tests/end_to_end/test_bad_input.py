"""Whatever comes in: a right 4xx in OpenAI's shape, never a 500, nothing leaked."""

from __future__ import annotations

import json
import random
import socket
import subprocess

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.raw import AUTHORIZATION, RawResponse, post, receive, send
from tests.end_to_end.server import MASTER_KEY, Server

_CONFIG = """
model_list:
  - model_name: mock
    litellm_params: {model: openai/mock, api_base: "http://127.0.0.1:9/v1", mock_response: "Hi"}
"""
_CHAT = b"/v1/chat/completions"
_PATHS = ("/v1/chat/completions", "/completions", "/embeddings", "/v1/audio/speech",
          "/audio/transcriptions", "/images/generations", "/v1/images/edits", "/moderations",
          "/v2/rerank", "/v1/models", "/models/x", "/health", "/", "/storage/a/b",
          "/%ff", "/a//b/..", "*")  # fmt: skip
_FUZZ_ROUNDS = 10_000
_FUZZ_MOST_GROWTH = 16 * 1024 * 1024


class BadInputTests(SynchronousTestCase):
    """Requests that are wrong, one way each."""

    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(_CONFIG).wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def refused(self, data: bytes, status: int) -> RawResponse:
        """Send bytes that get this status, in OpenAI's shape."""
        response = send(self.server.port, data)
        self.assertEqual(response.status, status, response.body)
        self.assertEqual(set(response.error), {"message", "type", "param", "code"}, response.body)
        self.assertIn("x-request-id", response.fields)
        self.assertEqual(response.fields["x-content-type-options"], "nosniff")
        return response

    def test_bodies(self) -> None:
        """Each wrong body is a 400 that names what is wrong."""
        good = {"model": "mock", "messages": [{"role": "user", "content": "x"}]}
        self.assertEqual(send(self.server.port, post(_CHAT, json.dumps(good).encode())).status, 200)
        for body, param in (
            (b"", None),
            (b"{", None),
            (b"[]", None),
            (b'"text"', None),
            (b"\xff\xfe", None),
            (b"[" * 100_000, None),
            (json.dumps({**good, "model": 3}).encode(), "model"),
            (json.dumps({**good, "model": ""}).encode(), "model"),
            (json.dumps({"messages": good["messages"]}).encode(), "model"),
            (json.dumps({"model": "mock"}).encode(), "messages"),
            (json.dumps({**good, "messages": []}).encode(), "messages"),
            (json.dumps({**good, "messages": "x"}).encode(), "messages"),
            (json.dumps({**good, "messages": [{"content": "x"}]}).encode(), "messages[0].role"),
            (json.dumps({**good, "temperature": "hot"}).encode(), "temperature"),
            (json.dumps({**good, "stream": "yes"}).encode(), "stream"),
            (json.dumps({**good, "extra_headers": {"a b": "c"}}).encode(), "extra_headers"),
            (json.dumps({**good, "extra_headers": {"a": "c\r\nX: y"}}).encode(), "extra_headers"),
        ):
            with self.subTest(body[:60]):
                response = self.refused(post(_CHAT, body), 400)
                if param is not None:
                    self.assertIn(param, str(response.error["param"]).replace("[...]", "[0]"))
        unknown = json.dumps({**good, "model": "who"}).encode()
        self.assertEqual(self.refused(post(_CHAT, unknown), 404).error["code"], "model_not_found")

    def test_form(self) -> None:
        """A transcription without a form, without a boundary, without a file."""
        path = b"/v1/audio/transcriptions"
        self.refused(post(path, b"{}"), 400)
        self.refused(post(path, b"x", b"Content-Type: multipart/form-data\r\n"), 400)
        head = b"Content-Type: multipart/form-data; boundary=b\r\n"
        self.refused(post(path, b"garbage", head), 400)
        field = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nmock\r\n--b--\r\n'
        self.assertEqual(self.refused(post(path, field, head), 400).error["param"], "file")

    def test_large_body(self) -> None:
        """60 MB are refused before they are read, and the client gets to know."""
        body = b"a" * (60 * 1024 * 1024)
        response = self.refused(post(_CHAT, body), 413)
        self.assertEqual(response.fields["connection"], "close")
        self.assertLess(self.server.resident(), 150 * 1024 * 1024)

    def test_large_chunked_body(self) -> None:
        """A body that does not tell its length is refused when it is over."""
        head = b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" % _CHAT
        chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
        self.refused(head + AUTHORIZATION + b"\r\n" + chunk * 55 + b"0\r\n\r\n", 413)

    def test_curl_with_large_body(self) -> None:
        """curl, which asks before it sends, sees the 413 too."""
        path = self.server.folder / "large"
        path.write_bytes(bytes(60 * 1024 * 1024))
        done = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", f"@{path}",
             "-H", f"Authorization: Bearer {MASTER_KEY}", f"{self.server.url}/v1/embeddings"],
            capture_output=True, timeout=30, check=True,
        )  # fmt: skip
        self.assertEqual(done.stdout, b"413")

    def test_smuggling(self) -> None:
        """What smugglers use is refused, and nothing behind it is read as a request."""
        hidden = b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\n\r\n"
        for fields in (
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            b"Content-Length: 5\r\nContent-Length: 6\r\n",
            b"Content-Length: +5\r\n",
            b"Content-Length : 5\r\n",
            b"Transfer-Encoding: chunked, identity\r\n",
            b"Transfer-Encoding: xchunked\r\n",
            b"X-Folded: a\r\n b\r\n",
        ):
            with self.subTest(fields):
                head = b"POST %b HTTP/1.1\r\nHost: x\r\n" % _CHAT + fields + b"\r\n"
                response = self.refused(head + b"0\r\n\r\n" + hidden, 400)
                self.assertNotIn(b"alive", response.body)

    def test_endless_head(self) -> None:
        """A head that never ends is cut off at 64 KiB."""
        self.refused(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 20_000, 431)
        self.refused(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000, 431)

    def test_early_refusal_does_not_desynchronise(self) -> None:
        """The body of a refused request is never taken for the next one."""
        inner = b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\n\r\n"
        request = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (
            _CHAT,
            len(inner) + 100,
        )
        with socket.create_connection(("127.0.0.1", self.server.port), 10) as connection:
            connection.sendall(request + inner)
            data = receive(connection)
        self.assertEqual(data.count(b"HTTP/1.1 "), 1)
        self.assertIn(b"401", data.split(b"\r\n")[0])

    def test_methods(self) -> None:
        """A known path with another method says which it takes."""
        response = send(
            self.server.port,
            b"DELETE /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        self.assertEqual(response.status, 405)
        self.assertEqual(response.fields["allow"], "GET, HEAD")


class FuzzTests(SynchronousTestCase):
    """Ten thousand random requests."""

    def setUp(self) -> None:
        self.server = Server(_CONFIG, LOG_LEVEL="warn")
        self.addCleanup(self.server.stop)
        self.server.wait_until_up()

    def test_random_requests(self) -> None:
        """No 5xx, no traceback, no descriptor and no memory left behind."""
        rng = random.Random(20)
        connection: socket.socket | None = None
        statuses: dict[int, int] = {}
        for number in range(_FUZZ_ROUNDS):
            if number == 500:
                # Everything that is made once has been made by now.
                before = self.server.descriptors(), self.server.resident()
            if connection is None:
                connection = socket.create_connection(("127.0.0.1", self.server.port), 20)
            status, kept = _exchange(connection, _random_request(rng))
            statuses[status] = statuses.get(status, 0) + 1
            if not kept:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()
        self.assertEqual([status for status in statuses if status >= 500 and status != 503], [])
        self.assertGreater(statuses.get(200, 0), 100)
        self.assertGreater(statuses.get(400, 0), 1000)
        self.assertLessEqual(self.server.descriptors(), before[0] + 2)
        self.assertLess(self.server.resident() - before[1], _FUZZ_MOST_GROWTH)
        self.assertNotIn("Traceback", self.server.log)

    @settings(
        max_examples=300, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["model", "messages", "role", "content", "stream", "n", "x"]),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=12,
        )
    )
    def check_json(self, value: object) -> None:
        """Any JSON value is answered with 200, 400 or 404."""
        response = send(self.server.port, post(_CHAT, json.dumps(value).encode()))
        self.assertIn(response.status, (200, 400, 404), (value, response.body))

    def test_random_json(self) -> None:
        """Any JSON value, of the shapes that come near to a request."""
        self.check_json()
        self.assertNotIn("Traceback", self.server.log)


def _random_request(rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.15:
        return rng.randbytes(rng.randrange(1, 400)) + b"\r\n\r\n"
    method = rng.choice(["POST"] * 6 + ["GET", "HEAD", "PUT", "DELETE", "BREW", "get"])
    body = _random_body(rng)
    lines = [f"{method} {rng.choice(_PATHS)} HTTP/1.{rng.choice('1111110')}", "Host: x"]
    if rng.random() < 0.9:
        lines.append(f"Authorization: Bearer {MASTER_KEY}")
    if rng.random() < 0.3:
        lines.append(f"Content-Type: multipart/form-data; boundary={rng.choice(['b', '', '-'])}")
    if rng.random() < 0.1:
        lines.append(f"X-Request-Id: {rng.choice(['ok-1', 'a b', 'x' * 70, ''])}")
    if rng.random() < 0.1:
        lines.append(rng.choice(["Expect: 100-continue", "Expect: magic", "Upgrade: h2c"]))
    if rng.random() < 0.85:
        lines.append(f"Content-Length: {len(body)}")
    else:
        lines.append("Transfer-Encoding: chunked")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    if kind > 0.85:
        # One byte of a well-formed request changed.
        at = rng.randrange(len(request))
        request = request[:at] + rng.randbytes(1) + request[at + 1 :]
    return request


def _random_body(rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.2:
        return rng.randbytes(rng.randrange(200))
    if kind < 0.4:
        return b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nmock\r\n--b--\r\n'
    values = ["mock", "x", "", 3, None, [], {}, True, 1.5, [{"role": "user", "content": "x"}]]
    names = ["model", "messages", "stream", "input", "prompt", "temperature", "voice", "tools"]
    body = {name: rng.choice(values) for name in names if rng.random() < 0.5}
    if rng.random() < 0.4:
        body.update(model="mock", messages=values[-1])
    return json.dumps(body).encode()


def _exchange(connection: socket.socket, request: bytes) -> tuple[int, bool]:
    """One request and its answer: the status (0: none came), and whether the connection is kept."""
    try:
        connection.sendall(request)
        connection.settimeout(0.15 if b"\r\n\r\n" in request else 0.05)
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(65536)
            if not data:
                return 0, False
            head += data
    except TimeoutError:
        # The server waits for the rest of what it takes for a body.
        return 0, False
    except OSError:
        return 0, False
    response = RawResponse(head)
    if response.status == 100:
        return 100, False
    keeps = response.fields.get("connection") != "close"
    length = int(response.fields.get("content-length", 0))
    head_only = request.startswith(b"HEAD")
    try:
        while not head_only and len(response.body) < length:
            data = connection.recv(65536)
            if not data:
                return response.status, False
            response.body += data
    except OSError:
        return response.status, False
    # The answer to a HEAD has no body: what follows it answers bytes that came behind.
    bodyless = head_only or response.body.startswith(b"HTTP/1.1 ")
    response.body = b"" if bodyless else response.body[:length]
    if response.status >= 400 and response.body and b"request_id" not in response.body:
        assert set(response.error) == {"message", "type", "param", "code"}, response.body
    # What was not well-formed may be followed by bytes of its own that get an answer too.
    return response.status, keeps and response.status < 300
