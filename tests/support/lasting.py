"""
What lasts for all tests of a process, and is ended after them, the last made first.

C{conftest} does that: a worker of pytest-xdist has little time when it exits. Without pytest, the
exit does.
"""

from __future__ import annotations

import atexit
from contextlib import ExitStack

lasting = ExitStack()
atexit.register(lasting.close)
