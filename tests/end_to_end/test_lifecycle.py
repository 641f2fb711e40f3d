"""Starting, reloading and stopping a real server."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.provider import FakeProvider, config
from tests.end_to_end.raw import AUTHORIZATION, RawResponse, post, receive, send
from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.ports import free_port

_MOCK = """
model_list:
  - model_name: {name}
    litellm_params: {{model: openai/mock, api_base: "http://127.0.0.1:9/v1", mock_response: "Hi"}}
"""


def _chat(model: str) -> bytes:
    messages = [{"role": "user", "content": "x"}]
    return json.dumps({"model": model, "messages": messages, "stream": True}).encode()


class StoppingTests(SynchronousTestCase):
    """SIGTERM while a call is in flight."""

    def setUp(self) -> None:
        self.provider = FakeProvider()
        self.addCleanup(self.provider.stop)
        self.server = Server(config(self.provider.base, "slow", "endless"))
        self.addCleanup(self.server.stop)
        self.server.wait_until_up()

    def begin(self, model: str) -> socket.socket:
        """Start a stream and read its first event."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), 20)
        self.addCleanup(connection.close)
        connection.sendall(post(b"/v1/chat/completions", _chat(model)))
        data = b""
        while b"data: " not in data:
            data += connection.recv(65536)
        return connection

    def test_in_flight_is_finished(self) -> None:
        """What is in flight is finished; nothing new is taken; the exit status is 0."""
        idle = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        self.addCleanup(idle.close)
        idle.request("GET", "/health/liveliness")
        idle.getresponse().read()
        connection = self.begin("slow")
        self.server.process.send_signal(signal.SIGTERM)
        self.server.wait_for_log("stopping: ")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.server.port), 5)
        rest = receive(connection)
        self.assertIn(b"data: [DONE]", rest)
        self.assertTrue(rest.endswith(b"0\r\n\r\n"))
        self.assertEqual(self.server.process.wait(10), 0)
        self.assertNotIn("cutting", self.server.log)

    def test_second_signal(self) -> None:
        """A second SIGTERM stops at once, and the client sees that its answer is not whole."""
        connection = self.begin("endless")
        self.server.process.send_signal(signal.SIGTERM)
        self.server.wait_for_log("stopping: ")
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(5), 0)
        self.assertFalse(receive(connection).endswith(b"0\r\n\r\n"))

    def test_grace_runs_out(self) -> None:
        """After SHUTDOWN_GRACE the rest is cut."""
        self.server = Server(config(self.provider.base, "endless"), SHUTDOWN_GRACE="1s")
        self.addCleanup(self.server.stop)
        self.server.wait_until_up()
        self.begin("endless")
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(8), 0)
        self.assertIn("cutting", self.server.log)

    def test_interrupt(self) -> None:
        """Ctrl-C stops it too."""
        self.server.process.send_signal(signal.SIGINT)
        self.assertEqual(self.server.process.wait(10), 0)


class ReloadTests(SynchronousTestCase):
    """SIGHUP."""

    def setUp(self) -> None:
        self.server = Server(_MOCK.format(name="before"))
        self.addCleanup(self.server.stop)
        self.server.wait_until_up()

    def models(self) -> list[str]:
        """The models on a connection that stays open over the reload."""
        self.connection.request("GET", "/models", headers={"x-api-key": MASTER_KEY})
        listed = json.loads(self.connection.getresponse().read())
        return [model["id"] for model in listed["data"]]

    def test_models_change(self) -> None:
        """Models change without a connection being dropped; a wrong file changes nothing."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        self.addCleanup(self.connection.close)
        self.assertEqual(self.models(), ["before", "default"])
        descriptor = self.connection.sock
        self.server.config.write_text(_MOCK.format(name="after"))
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_for_log("reloaded; on: after")
        self.assertEqual(self.models(), ["after", "default"])
        self.server.config.write_text("model_list: [{model_name: 3}]")
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_for_log("not reloaded, nothing has changed: AIGATE_CONFIG")
        self.assertEqual(self.models(), ["after", "default"])
        self.assertIs(self.connection.sock, descriptor)


class RateLimitTests(SynchronousTestCase):
    """The limit of a real server."""

    def test_burst(self) -> None:
        """Burst plus one are taken, the next is told when to come back; health is not limited."""
        server = Server(_MOCK.format(name="m"), RATELIMIT_API="1r/m", RATELIMIT_API_BURST="2")
        self.addCleanup(server.stop)
        server.wait_until_up()
        request = b"GET /models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b%b\r\n"
        taken = [send(server.port, request % (AUTHORIZATION, b"")).status for _ in range(3)]
        self.assertEqual(taken, [200, 200, 200])
        forwarded = b"X-Forwarded-For: 203.0.113.9\r\n"
        refused = send(server.port, request % (AUTHORIZATION, forwarded))
        self.assertEqual(refused.status, 429)
        self.assertEqual(refused.error["type"], "rate_limit_error")
        self.assertIn(int(refused.fields["retry-after"]), range(1, 61))
        health = b"GET /health/readiness HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        self.assertEqual([send(server.port, health).status for _ in range(5)], [200] * 5)


class ListeningTests(SynchronousTestCase):
    """AIGATE_LISTEN."""

    def test_several_endpoints(self) -> None:
        """TCP, TLS and a Unix socket at once, each answering."""
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, folder)
        certificate = _certificate(folder)
        tls_port = free_port()
        server = Server(
            _MOCK.format(name="m"),
            AIGATE_LISTEN=f"tcp:PORT:interface=127.0.0.1; unix:{folder}/socket; "
            f"ssl:{tls_port}:interface=127.0.0.1:privateKey={certificate}:certKey={certificate}",
        )
        self.addCleanup(server.stop)
        server.wait_until_up()
        request = b"GET /health/liveness HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        with socket.socket(socket.AF_UNIX) as local:
            local.connect(f"{folder}/socket")
            local.sendall(request)
            self.assertEqual(RawResponse(receive(local)).status, 200)
        context = ssl.create_default_context(cafile=str(certificate))
        context.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection(("127.0.0.1", tls_port), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            secure.sendall(request)
            self.assertEqual(secure.selected_alpn_protocol(), "http/1.1")
            self.assertEqual(RawResponse(receive(secure)).status, 200)


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    day = timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    encoding = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(encoding)
    )
    return path
