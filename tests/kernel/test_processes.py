"""Child processes, with real ones."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from twisted_aigate.kernel.processes import ChildProcess, minimal_environment, spawn

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
SAY = "import os, sys, time; print(os.getpid(), flush=True); "
SLEEP = "time.sleep(600)"


class Child(ChildProcess):
    """Collects the output; C{line} fires with each whole one, in turn."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.output = b""
        self.exited: Deferred[None] = Deferred()
        self.wanted: list[Deferred[str]] = []

    def outReceived(self, data: bytes) -> None:
        self.output += data
        self.deliver()

    def processExited(self, reason: Failure) -> None:
        super().processExited(reason)
        self.exited.callback(None)

    def line(self) -> Deferred[str]:
        wanted: Deferred[str] = Deferred()
        self.wanted.append(wanted)
        self.deliver()
        return wanted

    def deliver(self) -> None:
        while self.wanted and b"\n" in self.output:
            line, self.output = self.output.split(b"\n", 1)
            self.wanted.pop(0).callback(line.decode())


class ProcessCase(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.clock = Clock()
        self.children: list[Child] = []

    def tearDown(self) -> None:
        for child in self.children:
            child.kill()

    def start(self, *arguments: str, folder: Path | None = None, **environment: str) -> Child:
        from twisted.internet import reactor

        child = Child(self.clock)
        self.children.append(child)
        spawn(reactor, child, arguments, environment, folder)
        return child

    def python(self, program: str) -> Child:
        return self.start(sys.executable, "-S", "-c", program)

    def assert_killed(self, pid: int) -> None:
        """A signal sent before now takes effect soon, which the reactor does not tell us."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        ended, _, _ = select.select([descriptor], [], [], 1)
        os.close(descriptor)
        self.assertTrue(ended, f"the grandchild {pid} lives")


class ExitTests(ProcessCase):
    async def test_the_exit_is_described(self) -> None:
        for command, how in (
            ("exit 0", "exit 0"),
            ("exit 3", "exit 3"),
            ("kill -9 $$", "signal 9"),
        ):
            self.assertEqual(await self.start("/bin/sh", "-c", command).ended, how)

    async def test_the_child_is_reaped(self) -> None:
        child = self.start("/bin/sh", "-c", "echo $$")
        pid = int(await child.line())
        await child.ended
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    async def test_the_end_of_standard_error_is_kept(self) -> None:
        child = self.python("import sys; sys.stderr.write('a' * 10000 + 'the end \\xe4')")
        await child.ended
        self.assertTrue(child.stderr_tail.endswith("the end ä"), child.stderr_tail[-20:])
        self.assertLessEqual(len(child.stderr_tail.encode()), 4096)
        self.assertGreater(len(child.stderr_tail), 4000)

    async def test_a_cut_character_in_standard_error_is_no_exception(self) -> None:
        child = self.python("import sys; sys.stderr.buffer.write(b'x' + '\\xe4'.encode() * 4000)")
        await child.ended
        self.assertTrue(child.stderr_tail.endswith("ä"))

    async def test_a_program_that_is_not_there_is_told(self) -> None:
        try:
            child = self.start("/nowhere/to/be/found")
        except OSError:
            return
        self.assertNotEqual(await child.ended, "exit 0")
        self.assertIn("/nowhere/to/be/found", child.stderr_tail)


class SurroundingsTests(ProcessCase):
    async def test_the_child_has_the_environment_it_was_given_and_no_other(self) -> None:
        child = self.start("/usr/bin/env", ONE="1", TWO="zwei")
        await child.ended
        self.assertEqual(sorted(child.output.decode().split()), ["ONE=1", "TWO=zwei"])

    async def test_the_child_runs_in_its_folder(self) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        child = self.start("/bin/pwd", folder=folder)
        self.assertEqual(await child.line(), str(folder))
        await child.ended

    async def test_no_memory_of_ours_is_copied_for_a_child(self) -> None:
        """A fork would copy the page tables of all of it, while nothing else is done."""
        self.patch(os, "fork", None)
        child = self.start("/bin/pwd", folder=Path("/"))
        self.assertEqual(await child.line(), "/")
        await child.ended

    async def test_a_folder_that_is_not_there(self) -> None:
        """The child ends, and says why."""
        child = self.start("/bin/pwd", folder=Path(self.mktemp()))
        await child.ended
        self.assertNotEqual(child.exit_code, 0)
        self.assertIn("No such file or directory", child.stderr_tail)

    async def test_its_id_is_known(self) -> None:
        child = self.python(SAY)
        self.assertEqual(child.pid, int(await child.line()))
        await child.ended

    async def test_the_child_leads_a_session_of_its_own(self) -> None:
        child = self.python("import os; print(os.getpid(), os.getsid(0), os.getpgrp(), flush=True)")
        pid, session, group = (await child.line()).split()
        self.assertEqual({pid, session, group}, {str(child_pid := int(pid))})
        self.assertNotEqual(os.getsid(0), child_pid)
        await child.ended

    def test_no_secret_of_ours_is_in_a_minimal_environment(self) -> None:
        ours = {"PATH": "/bin", "HOME": "/root", "OPENAI_API_KEY": "sk", "LITELLM_MASTER_KEY": "sk"}
        self.assertEqual(minimal_environment(ours), {"PATH": "/bin", "HOME": "/root"})


class TerminateTests(ProcessCase):
    async def test_a_child_that_heeds_sigterm_ends_by_it(self) -> None:
        child = self.python(SAY + SLEEP)
        await child.line()
        child.terminate()
        self.assertEqual(await child.ended, f"signal {signal.SIGTERM.value}")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    async def test_a_child_that_ends_orderly_says_how(self) -> None:
        child = self.python(
            "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); "
            + SAY
            + SLEEP
        )
        await child.line()
        child.terminate()
        self.assertEqual(await child.ended, "exit 7")

    async def test_a_stubborn_child_is_killed_when_the_grace_is_over(self) -> None:
        child = self.python(
            STUBBORN + SAY + "[print(line, end='', flush=True) for line in sys.stdin]"
        )
        await child.line()
        child.terminate(grace=5)
        child.terminate(grace=1)
        self.clock.advance(4.9)
        child.transport.write(b"alive\n")
        self.assertEqual(await child.line(), "alive")
        self.clock.advance(0.2)
        self.assertEqual(await child.ended, f"signal {signal.SIGKILL.value}")

    async def test_a_child_can_be_killed_at_once(self) -> None:
        child = self.python(STUBBORN + SAY + SLEEP)
        await child.line()
        child.kill()
        self.assertEqual(await child.ended, f"signal {signal.SIGKILL.value}")

    async def test_a_child_that_was_started_just_now_can_be_ended(self) -> None:
        child = self.python(SAY + SLEEP)
        child.terminate()
        self.assertIn("signal", await child.ended)

    async def test_ending_what_has_ended_does_nothing(self) -> None:
        child = self.start("/bin/true")
        await child.ended
        child.terminate()
        child.kill()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class GroupTests(ProcessCase):
    """The whole group ends, whatever a grandchild makes of it."""

    def family(self, grandchild: str, leader: str, streams: str = "None") -> Child:
        return self.python(
            "import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', "
            f"{grandchild!r}], stdout={streams}, stderr={streams}, stdin={streams}); " + leader
        )

    async def test_a_grandchild_ends_with_the_child(self) -> None:
        child = self.family(SAY + SLEEP, "import time; " + SLEEP)
        grandchild = int(await child.line())
        child.terminate()
        await child.ended
        self.assert_killed(grandchild)

    async def test_a_stubborn_grandchild_that_holds_the_pipes_is_killed(self) -> None:
        child = self.family(STUBBORN + SAY + SLEEP, "import time; " + SLEEP)
        grandchild = int(await child.line())
        self.addCleanup(self.end, grandchild)
        child.terminate(grace=5)
        await child.exited
        self.clock.advance(5)
        self.assert_killed(grandchild)
        self.assertEqual(await child.ended, f"signal {signal.SIGTERM.value}")

    async def test_a_stubborn_grandchild_that_holds_no_pipe_is_killed(self) -> None:
        ready = Path(self.mktemp()).resolve()
        os.mkfifo(ready)
        tell = f"import os; open({str(ready)!r}, 'w').write(str(os.getpid())); "
        child = self.family(
            STUBBORN + "import time; " + tell + SLEEP,
            f"print(open({str(ready)!r}).read(), flush=True); import time; " + SLEEP,
            streams="subprocess.DEVNULL",
        )
        grandchild = int(await child.line())
        self.addCleanup(self.end, grandchild)
        child.terminate(grace=5)
        await child.ended
        self.clock.advance(5)
        self.assert_killed(grandchild)

    async def test_a_grandchild_does_not_outlive_a_child_that_ended_by_itself(self) -> None:
        ready = Path(self.mktemp()).resolve()
        os.mkfifo(ready)
        tell = f"import os; open({str(ready)!r}, 'w').write(str(os.getpid())); "
        child = self.family(
            "import time; " + tell + SLEEP,
            f"print(open({str(ready)!r}).read(), flush=True)",
            streams="subprocess.DEVNULL",
        )
        grandchild = int(await child.line())
        self.addCleanup(self.end, grandchild)
        self.assertEqual(await child.ended, "exit 0")
        self.clock.advance(10)
        self.assert_killed(grandchild)

    def end(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
