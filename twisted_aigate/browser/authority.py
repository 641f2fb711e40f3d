"""
Who may connect to browsers' displays: who has a secret, and not all users of the machine.

Source: Xsecurity(7), Xau(3), and libXau's C{AuRead.c} for the file.
"""

from __future__ import annotations

import os
import secrets
import socket
import struct
from pathlib import Path

_LOCAL = 256
_SCHEME = b"MIT-MAGIC-COOKIE-1"
_SIZE = 16


def write_authority(path: Path) -> None:
    """
    Write a file with a new secret that opens each display of this machine that was given it.

    @param path: Readable by its owner alone; who connects is told of it in C{XAUTHORITY}.
    """
    fields = (socket.gethostname().encode(), b"", _SCHEME, secrets.token_bytes(_SIZE))
    entry = struct.pack(">H", _LOCAL)
    entry += b"".join(struct.pack(">H", len(field)) + field for field in fields)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(entry)
