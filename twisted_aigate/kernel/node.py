"""The name of this machine's share of a database that several use: its processes and files."""

from __future__ import annotations

from pathlib import Path

from twisted_aigate.kernel.identifiers import new_id


def node_name(folder: Path) -> str:
    """
    The name that belongs to a data folder, made when it has none.

    @param folder: C{DATA_DIR}; it is there already.
    """
    path = folder / "node"
    try:
        with path.open("x") as file:
            file.write(new_id() + "\n")
    except FileExistsError:
        pass
    return path.read_text("ascii").strip()
