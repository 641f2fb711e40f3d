"""Skills that every run is given: read anew for each, so that a change needs no restart."""

from __future__ import annotations

from pathlib import Path

FOLDER = ".always-skills"
_FILE = "SKILL.md"


def always_skills(config: Path) -> str:
    """
    The text of every C{.always-skills/<name>/SKILL.md}, in the order of their names. For threads.

    @param config: The folder of Claude Code's configuration.
    @return: Empty when there is none.
    """
    folder = config / FOLDER
    if not folder.is_dir():
        return ""
    texts = []
    for skill in sorted(folder.iterdir()):
        path = skill / _FILE
        if path.is_file():
            texts.append(path.read_text("utf-8", "replace").strip())
    return "\n\n".join(filter(None, texts))


def appended_prompt(config: Path, requested: str | None) -> str | None:
    """
    What follows the system prompt of a run: the skills, then what the request has. For threads.

    @return: C{None}: nothing.
    """
    return "\n\n".join(filter(None, (always_skills(config), requested))) or None
