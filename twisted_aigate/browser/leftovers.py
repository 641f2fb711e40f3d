"""What a server that was killed has left running. For threads."""

from __future__ import annotations

import signal
from pathlib import Path

from twisted_aigate.kernel.process_table import family, send_signal, wait_until_ended
from twisted_aigate.kernel.units import SECOND

MARK = "AIGATE_BROWSERS"
"""The variable that the processes of browsers have, with the folder that they are of."""

_PATIENCE = 2 * SECOND
_ROUNDS = (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL)


def end_leftovers(folder: Path) -> int:
    """
    End the browsers that an earlier server has started: two cannot have one profile.

    @param folder: Where all browsers' files are.
    @return: How many processes there were.
    """
    count = 0
    for number in _ROUNDS:
        processes = family(MARK, str(folder))
        if not processes:
            break
        count = max(count, len(processes))
        for process in processes:
            send_signal(process, number)
        wait_until_ended(processes, _PATIENCE)
    return count
