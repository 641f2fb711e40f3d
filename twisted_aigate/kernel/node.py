"""The name of this machine's share of a database that several use: its processes and files."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from twisted_aigate.kernel.identifiers import new_id


def node_name(folder: Path) -> str:
    """
    The name that belongs to a data folder, made when it has none.

    @param folder: C{DATA_DIR}; it is there already.
    """
    path = folder / "node"
    if not path.exists():
        # Whole from the first moment: another process may read it, and this one may end meanwhile.
        new = folder / f"node.{new_id()}"
        new.write_text(new_id() + "\n", "ascii")
        with contextlib.suppress(FileExistsError):
            os.link(new, path)
        new.unlink()
    return path.read_text("ascii").strip()
