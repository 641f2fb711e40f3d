"""
The conversation that a run is part of.

Sessions are named by us: Claude Code's own C{--continue} takes two workspaces for one when their
paths differ in a separator alone.
"""

from __future__ import annotations

import glob
from pathlib import Path
from uuid import uuid4

from attrs import frozen

from twisted_aigate.claudebox.models import RunRequest


@frozen
class Session:
    """
    A conversation.

    @ivar id: Its id.
    @ivar exists: It has begun already.
    """

    id: str
    exists: bool


def session_exists(config: Path, session_id: str) -> bool:
    """
    Whether Claude Code has kept a session. For threads.

    @param config: The folder of its configuration.
    """
    if not session_id or "/" in session_id:
        return False
    kept = (config / "projects").glob(f"*/{glob.escape(session_id)}.jsonl")
    try:
        return next(kept, None) is not None
    except OSError:
        # No file can have that name: it is too long.
        return False


def choose_session(request: RunRequest, last: str | None, config: Path) -> Session:
    """
    The session that a run is to be part of. For threads.

    @param last: The workspace's last session.
    @param config: The folder of Claude Code's configuration.
    """
    if request.resume is not None:
        return Session(request.resume, exists=True)
    if last is not None and not request.no_continue and session_exists(config, last):
        return Session(last, exists=True)
    return Session(str(uuid4()), exists=False)
