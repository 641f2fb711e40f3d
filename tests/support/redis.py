"""A Redis server of a test's own, on a Unix socket and a port of loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from unittest import SkipTest

from twisted_aigate.kernel.redis import RedisAddress

_START_TIMEOUT = 30


class RedisServer:
    """
    The server; it is up when this returns.

    @param settings: Of its own configuration, such as C{requirepass}.
    @raise SkipTest: There is no Redis.
    """

    def __init__(self, **settings: str) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise SkipTest("NOT TESTED: Redis is missing: apt-get install redis-server")
        self.folder = Path(tempfile.mkdtemp(prefix="aigate-redis-"))
        self.path = self.folder / "socket"
        # It ends with the process of the tests, whatever that one's end, and is never root.
        self._command = ["setpriv", "--pdeathsig", "KILL"]
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            identity = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
            self._command += identity
        ours = {"port": "0", "unixsocket": str(self.path), "save": "", **settings}
        self._command.append(program)
        for name, value in ours.items():
            self._command += [f"--{name.replace('_', '-')}", value]
        self._log = (self.folder / "log").open("wb")
        self.start()

    @property
    def address(self) -> RedisAddress:
        """Where it is."""
        return RedisAddress(path=str(self.path))

    @property
    def url(self) -> str:
        """The same as C{REDIS_URL} has it."""
        return f"unix://{self.path}"

    def start(self) -> None:
        """Start it; again, and empty, after it was ended."""
        self._process = subprocess.Popen(
            self._command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            # Ctrl-C is for the tests.
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.01)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.path))
                probe.sendall(b"PING\r\n")
                return probe.recv(1) != b""
            except OSError:
                return False

    def kill(self) -> None:
        """End it; what it held is gone."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def pause(self) -> None:
        """Have it answer nothing, its connections open."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """End the pause."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and remove what it wrote."""
        if self._process.poll() is None:
            self.kill()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
