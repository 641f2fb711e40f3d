"""What a service manager is told, and the sockets that it gives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.logs import record_log, text_of
from twisted_aigate.kernel.service_manager import ServiceManager

_PID = 4711


class ServiceManagerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.address = str(Path(mkdtemp(dir="/tmp")) / "notify")
        self.listen(self.address)

    def listen(self, address: str) -> None:
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.told.close)
        self.told.setblocking(False)
        self.told.bind(address)

    def manager(self, **environment: str) -> ServiceManager:
        return ServiceManager({"NOTIFY_SOCKET": self.address, **environment}, _PID, self.clock)

    def messages(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.told.recv(4096).decode())
            except BlockingIOError:
                return found

    def test_it_is_told_how_we_are(self) -> None:
        manager = self.manager()
        manager.ready()
        manager.reloading()
        manager.stopping()
        ready, reloading, stopping = self.messages()
        self.assertEqual((ready, stopping), ("READY=1", "STOPPING=1"))
        self.assertRegex(reloading, r"\ARELOADING=1\nMONOTONIC_USEC=[0-9]{4,}\Z")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_abstract_socket(self) -> None:
        self.listen(f"\0aigate-{os.getpid()}")
        self.manager(NOTIFY_SOCKET=f"@aigate-{os.getpid()}").ready()
        self.assertEqual(self.messages(), ["READY=1"])

    def test_nobody_asks(self) -> None:
        manager = self.manager(NOTIFY_SOCKET="")
        manager.ready()
        manager.stop()
        self.assertEqual(self.messages(), [])

    def test_one_that_is_gone_does_no_harm(self) -> None:
        log = record_log(self)
        self.manager(NOTIFY_SOCKET="/nowhere/notify").ready()
        self.assertIn("the service manager cannot be told READY=1", text_of(log))

    def test_signs_of_life_come_twice_as_often_as_they_are_wanted(self) -> None:
        for more in ({}, {"WATCHDOG_PID": str(_PID)}):
            manager = self.manager(WATCHDOG_USEC="20000000", **more)
            self.assertEqual(self.clock.getDelayedCalls(), [])
            manager.ready()
            manager.ready()
            self.assertEqual(self.messages(), ["READY=1", "WATCHDOG=1", "READY=1"])
            self.clock.pump([9.9, 0.1, 10.0])
            self.assertEqual(self.messages(), ["WATCHDOG=1"] * 2)
            manager.stop()
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_signs_of_life_that_another_is_to_give(self) -> None:
        for more in ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}):
            self.manager(**more).ready()
            self.assertEqual(self.messages(), ["READY=1"])


class GivenSocketsTests(SynchronousTestCase):
    """In a process of its own, which has them from its start."""

    def given(self, pid: str) -> str:
        look = (
            "from twisted_aigate.kernel.service_manager import given_sockets;print(given_sockets())"
        )
        start = (
            "import os, socket, sys;"
            "os.closerange(3, 20);"
            "kept = [socket.socket(family) for family in"
            " (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)];"
            "[os.set_inheritable(each.fileno(), True) for each in kept];"
            f"given = {{'LISTEN_FDS': '3', 'LISTEN_FDNAMES': 'a:b:c', 'LISTEN_PID': str({pid})}};"
            f"os.execve(sys.executable, [sys.executable, '-c', {look!r}], os.environ | given)"
        )
        done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.strip()

    def test_each_by_its_family(self) -> None:
        families = enumerate(("INET", "INET6", "UNIX"))
        expected = [f"systemd:domain={family}:index={index}" for index, family in families]
        self.assertEqual(self.given("os.getpid()"), repr(expected))

    def test_those_of_another_process_are_not_ours(self) -> None:
        self.assertEqual(self.given("1"), "[]")
