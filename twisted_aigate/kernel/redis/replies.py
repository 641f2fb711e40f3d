"""What Redis is sent, and what it answers."""

from __future__ import annotations

from typing import TypeAlias, Union

Argument: TypeAlias = bytes | str | int | float
"""A word of a command; a text goes as UTF-8."""

Reply: TypeAlias = Union[bytes, int, list["Reply"], None]  # noqa: UP007 (a name in quotes)
"""A reply; a status such as C{OK} is bytes too."""
