"""Where variables come from: the process's environment over a C{.env} file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

Environment = Mapping[str, str]


def read_environment(process: Environment, folder: Path) -> dict[str, str]:
    """
    Merge C{folder/.env}, when there is one, with the process's environment, which wins.

    @param process: Usually C{os.environ}.
    @param folder: Where C{.env} is looked for.
    @return: Variable name to value; a variable that the file names without a value is left out.
    """
    merged = {
        name: value
        for name, value in dotenv_values(folder / ".env", interpolate=False).items()
        if value is not None
    }
    merged.update(process)
    return merged
