"""The processes of the machine, with real ones."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.process_table import (
    ProcessIdentity,
    family,
    identify,
    is_marked,
    memory_of_sessions,
    open_pidfd,
    opened,
    send_signal,
)

MARK = "AIGATE_TEST_MARK"
_SLEEP = "exec sleep 1000"


class ProcessTableCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.mark = uuid.uuid4().hex
        self.started: list[subprocess.Popen[str]] = []
        self.descriptors = os.listdir("/proc/self/fd")

    def tearDown(self) -> None:
        for process in self.started:
            for each in family(MARK, self.mark):
                send_signal(each, signal.SIGKILL)
            process.kill()
            process.communicate()
        self.assertEqual(os.listdir("/proc/self/fd"), self.descriptors)

    def start(self, script: str, mark: str | None = None) -> subprocess.Popen[str]:
        """Run a shell script; C{mark} in its environment."""
        environment = {"PATH": os.environ["PATH"]}
        if mark is not None:
            environment[MARK] = mark
        process = subprocess.Popen(
            ["/bin/sh", "-c", script],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def sleeper(self, mark: str | None = None) -> ProcessIdentity:
        """A process that runs for as long as the test."""
        return self.identity(self.start(f"echo $$; {_SLEEP}", mark))

    def identity(self, process: subprocess.Popen[str]) -> ProcessIdentity:
        """That of a process once it has printed its id."""
        return self.identified(self.printed(process))

    def printed(self, process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        return int(process.stdout.readline())

    def identified(self, pid: int) -> ProcessIdentity:
        identity = identify(pid)
        assert identity is not None
        return identity

    def pids(self, since: int = 0) -> set[int]:
        return {each.pid for each in family(MARK, self.mark, since)}


class IdentityTests(ProcessTableCase):
    def test_a_process_has_one(self) -> None:
        here = self.identified(os.getpid())
        self.assertEqual(here, identify(os.getpid()))
        sleeper = self.sleeper()
        self.assertEqual(sleeper.boot, here.boot)
        self.assertGreaterEqual(sleeper.started, here.started)
        self.assertGreater(here.started, 0)

    def test_none_when_it_is_not_there(self) -> None:
        self.assertIsNone(identify(2**22 + 1))

    def test_none_when_it_only_waits_to_be_reaped(self) -> None:
        sleeper = self.sleeper(self.mark)
        with opened(sleeper) as descriptor:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOWAIT)
        self.assertIsNone(identify(sleeper.pid))
        self.assertFalse(is_marked(sleeper, MARK, self.mark))
        self.assertFalse(send_signal(sleeper, signal.SIGKILL))
        self.assertEqual(self.pids(), set())

    def test_a_name_that_looks_like_the_fields_after_it(self) -> None:
        program = Path(self.mktemp())
        program.mkdir()
        program /= ") Z 1 (x) 1"
        shutil.copy("/bin/sleep", program)
        process = self.start(f"echo $$; exec '{program}' 1000")
        pid = self.printed(process)
        # The shell becomes the program soon, and keeps its identity.
        before = self.identified(pid)
        with opened(before) as descriptor:
            while Path(f"/proc/{pid}/comm").read_text() == "sh\n":
                signal.pidfd_send_signal(descriptor, signal.SIGCONT)
        self.assertEqual(identify(pid), before)
        self.assertIn(") Z 1 (", Path(f"/proc/{pid}/stat").read_text())

    def test_marked(self) -> None:
        sleeper = self.sleeper(self.mark)
        self.assertTrue(is_marked(sleeper, MARK, self.mark))
        for name, value in ((MARK, self.mark[:-1]), (MARK, self.mark + "0"), (MARK[1:], self.mark)):
            self.assertFalse(is_marked(sleeper, name, value), (name, value))
        self.assertFalse(is_marked(self.sleeper(), MARK, self.mark))

    def test_one_that_got_the_id_later_is_not_marked(self) -> None:
        sleeper = self.sleeper(self.mark)
        for other in (evolve(sleeper, started=sleeper.started - 1), evolve(sleeper, boot="other")):
            self.assertFalse(is_marked(other, MARK, self.mark))


class FamilyTests(ProcessTableCase):
    def test_nobody(self) -> None:
        self.assertEqual(family(MARK, self.mark), [])

    def test_those_with_the_mark_and_no_others(self) -> None:
        ours = {self.sleeper(self.mark).pid, self.sleeper(self.mark).pid}
        self.sleeper(uuid.uuid4().hex)
        self.sleeper()
        self.assertEqual(self.pids(), ours)

    def test_descendants_in_sessions_of_their_own(self) -> None:
        process = self.start(f"echo $$; setsid sh -c 'echo $$; {_SLEEP}' & wait", self.mark)
        ours = {self.printed(process), self.printed(process)}
        self.assertEqual(len({os.getsid(pid) for pid in ours}), 2)
        self.assertEqual(self.pids(), ours)

    def test_descendants_without_the_environment(self) -> None:
        script = (
            f"echo $$; env -i setsid sh -c 'echo $$; sh -c \"echo \\$\\$; {_SLEEP}\" & wait' & wait"
        )
        process = self.start(script, self.mark)
        ours = {self.printed(process) for _ in range(3)}
        self.assertEqual(len(ours), 3)
        self.assertEqual(self.pids(), ours)

    def test_orphans_in_the_group_of_one_that_is_there(self) -> None:
        # The shell between ends at once: what it has started is a child of init's.
        between = f"env -i sh -c 'sh -c \"echo \\$\\$; {_SLEEP}\" &'"
        process = self.start(f"echo $$; {between}; echo 0; {_SLEEP}", self.mark)
        leader, *printed = (self.printed(process) for _ in range(3))
        (orphan,) = set(printed) - {0}
        self.assertEqual(os.getpgid(orphan), leader)
        self.assertEqual(self.pids(), {leader, orphan})

    def test_the_marked_child_of_a_stranger(self) -> None:
        process = self.start(f"echo $$; {MARK}={self.mark} sh -c 'echo $$; {_SLEEP}' & wait; wait")
        stranger, child = sorted(self.printed(process) for _ in range(2))
        self.assertTrue(is_marked(self.identified(child), MARK, self.mark))
        self.assertEqual(self.pids(), {child})
        self.assertNotIn(stranger, self.pids())

    def test_since(self) -> None:
        sleeper = self.sleeper(self.mark)
        self.assertEqual(self.pids(sleeper.started), {sleeper.pid})
        self.assertEqual(self.pids(sleeper.started + 1), set())


class MemoryTests(ProcessTableCase):
    def test_it_is_that_of_all_processes_of_the_sessions(self) -> None:
        one, other = self.sleeper(), self.sleeper()
        alone = memory_of_sessions([one.pid])
        self.assertGreater(alone, 10_000)
        self.assertGreater(memory_of_sessions([one.pid, other.pid]), alone)

    def test_of_none_it_is_nothing(self) -> None:
        self.assertEqual(memory_of_sessions([]), 0)


class SignalTests(ProcessTableCase):
    def test_it_comes(self) -> None:
        sleeper = self.sleeper()
        self.assertTrue(send_signal(sleeper, signal.SIGTERM))
        self.assertEqual(self.started[0].wait(), -signal.SIGTERM)
        self.assertFalse(send_signal(sleeper, signal.SIGTERM))

    def test_never_to_one_that_got_the_id_later(self) -> None:
        sleeper = self.sleeper()
        for other in (evolve(sleeper, started=sleeper.started - 1), evolve(sleeper, boot="other")):
            self.assertFalse(send_signal(other, signal.SIGKILL))
            self.assertRaises(ProcessLookupError, open_pidfd, other)
        self.assertEqual(identify(sleeper.pid), sleeper)

    def test_the_descriptor_says_when_it_has_ended(self) -> None:
        sleeper = self.sleeper()
        with opened(sleeper) as descriptor:
            self.started[0].kill()
            self.started[0].wait()
            self.assertRaises(
                ProcessLookupError, signal.pidfd_send_signal, descriptor, signal.SIGTERM
            )
