"""When circles of objects are looked for."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

_START = """
import gc, weakref
from twisted_aigate.kernel import garbage

class Circle:
    def __init__(self):
        self.itself = self

def made():
    return weakref.ref(Circle())

garbage.postpone()
print(gc.isenabled())
early = made()
garbage.settle()
print(gc.isenabled(), early() is None, gc.get_freeze_count() > 1000)
late = made()
kept = [[] for _ in range(20_000)]
print(late() is None)
"""


class GarbageTests(SynchronousTestCase):
    """A start, and what comes after it."""

    def test_a_start(self) -> None:
        """Nothing is looked for during it; after it circles go as ever, late ones too."""
        command = [sys.executable, "-c", _START]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        self.assertEqual(run.stdout.split(), ["False", "True", "True", "True", "True"])
