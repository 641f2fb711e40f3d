"""A server as systemd has it: the socket is not its own, and it says how it is."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import mkdtemp
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.server import MASTER_KEY, Server, environment
from tests.support.ports import free_port
from tests.support.waiting import eventually

_TWISTD = Path(sys.executable).with_name("twistd")
_RESTARTING = """
while :; do
    sh -c 'LISTEN_PID=$$ exec "$0" --nodaemon --pidfile= aigate' "$0" &
    echo $! >pid
    wait $!
done
"""
"""What C{Restart=always} is: the same socket, one server after the other."""

_RESTARTS = 2
_CLIENTS = 4


class Clients:
    """
    Ask again and again, each time on a connection of its own.

    @ivar statuses: What they were answered.
    @ivar failures: Requests that were not.
    """

    def __init__(self, port: int) -> None:
        self.statuses: list[int] = []
        self.failures: list[str] = []
        self._port = port
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(_CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            try:
                connection.request("GET", "/health/liveliness")
                self.statuses.append(connection.getresponse().status)
            except OSError as error:
                self.failures.append(repr(error))
            except http.client.HTTPException as error:
                self.failures.append(repr(error))
            finally:
                connection.close()
            time.sleep(0.01)

    def wait(self, count: int) -> None:
        """Wait until so many more have been answered."""
        wanted = len(self.statuses) + count
        eventually(
            lambda: len(self.statuses) >= wanted,
            lambda: f"no answers any more: {self.failures}",
            60,
        )

    def stop(self) -> None:
        """End them."""
        self._over.set()
        for thread in self._threads:
            thread.join()


@skipUnless(
    shutil.which("systemd-socket-activate"),
    "NOT TESTED: systemd is missing: apt-get install systemd",
)
class ActivationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(mkdtemp(prefix="aigate-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.port = free_port()

    def start(self, *command: str, s3: int | None = None, **more: str) -> None:
        """Have systemd's tool listen, and start something at the first connection."""
        variables = environment(
            LITELLM_MASTER_KEY=MASTER_KEY,
            DATA_DIR=str(self.folder / "data"),
            LOCAL_MODELS="0",
            RATELIMIT_API="off",
            **more,
        )
        ports = [self.port] if s3 is None else [self.port, s3]
        listen = ["systemd-socket-activate", f"--fdname={':'.join(['aigate'] * len(ports))}"]
        listen += [part for port in ports for part in ("-l", f"127.0.0.1:{port}")]
        passed = [part for name in variables for part in ("-E", name)]
        process = subprocess.Popen(
            [*listen, *passed, *command],
            cwd=self.folder,
            env=variables,
            stdout=(self.folder / "log").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.addCleanup(self.end, process)
        eventually(lambda: self.log().count("Listening on") >= len(ports), self.log)

    def end(self, process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def test_the_socket_that_is_given_is_taken(self) -> None:
        """No variable has to say so, and the first to connect is answered."""
        self.start(str(_TWISTD), "--nodaemon", "--pidfile=", "aigate")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", "/health/liveliness")
        self.assertEqual(connection.getresponse().status, 200)
        self.assertIn(f"listening on IPv4Address(type='TCP', host='127.0.0.1', port={self.port})",
                      self.log())  # fmt: skip

    def test_s3_has_the_socket_that_is_named_for_it(self) -> None:
        """The others are everything else's."""
        s3 = free_port()
        self.start(
            *(str(_TWISTD), "--nodaemon", "--pidfile=", "aigate"),
            s3=s3,
            HYBRIDS3_UPLOADS_KEY="uploads-key-0123456789",
            STORAGE_S3_LISTEN="systemd:domain=INET:index=1",
        )
        for port, path, status in (
            (self.port, "/health/liveliness", 200),
            (self.port, "/uploads", 404),
            (s3, "/uploads", 200),
        ):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            self.addCleanup(connection.close)
            connection.request("GET", path)
            self.assertEqual(connection.getresponse().status, status, path)

    def test_restarts_under_load_drop_no_request(self) -> None:
        """Who connects meanwhile waits, and is answered by the next."""
        self.start("sh", "-c", _RESTARTING, str(_TWISTD))
        clients = Clients(self.port)
        self.addCleanup(clients.stop)
        for number in range(_RESTARTS):
            clients.wait(50)
            os.kill(int((self.folder / "pid").read_text()), signal.SIGTERM)
            eventually(lambda n=number: self.log().count("stopped") > n, self.log)
        clients.wait(50)
        clients.stop()
        self.assertEqual(clients.failures, [])
        self.assertEqual(set(clients.statuses), {200})


class NotifyTests(SynchronousTestCase):
    def test_each_stage_is_told(self) -> None:
        """Ready, reloaded, stopping."""
        folder = Path(mkdtemp(prefix="aigate-test-"))
        self.addCleanup(shutil.rmtree, folder)
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        told.settimeout(30)
        told.bind(str(folder / "notify"))
        server = Server(NOTIFY_SOCKET=str(folder / "notify"), WATCHDOG_USEC="3600000000")
        self.addCleanup(server.stop)

        def said() -> str:
            return told.recv(4096).decode()

        self.assertEqual((said(), said()), ("READY=1", "WATCHDOG=1"))
        server.wait_until_up()
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(said().startswith("RELOADING=1\nMONOTONIC_USEC="))
        self.assertEqual(said(), "READY=1")
        self.assertEqual(server.terminate(), 0)
        self.assertEqual(said(), "STOPPING=1")
