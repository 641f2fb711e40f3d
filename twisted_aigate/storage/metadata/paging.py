"""
Pages of a list in the order of keys, with common prefixes: S3's rules, over any source of rows.

Python compares texts by code points, which is the order of their UTF-8 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from attrs import frozen

_FIRST = "\x01"
"""The least character of a key: there is no NUL in one."""

_FEWEST_ROWS = 32
"""Rows of the first look, and of that behind a common prefix: a look costs as much as they."""
_MOST_ROWS = 1024

_SURROGATES = range(0xD800, 0xE000)
_LAST_CHARACTER = 0x10FFFF

Position = tuple[str, str]
"""A key, and what tells apart rows of one key; empty where there is one a key."""


class HasKey(Protocol):
    """A row of a list."""

    @property
    def key(self) -> Any:
        """Its key."""


_R = TypeVar("_R", bound=HasKey)


@frozen
class Query:
    """
    What is asked for.

    @ivar prefix: What the keys begin with.
    @ivar delimiter: Keys that have it behind the prefix are listed as one, up to it; empty: none.
    @ivar after: The key, or the common prefix, at which the page before ended; empty: there was
        none.
    @ivar limit: The most entries, keys and common prefixes together.
    @ivar after_row: Where there are several rows of a key: the row of the key C{after} at which
        the page before ended; empty: at the last of them.
    """

    prefix: str
    delimiter: str
    after: str
    limit: int
    after_row: str = ""


@frozen
class Page:
    """
    A page.

    @ivar entries: Rows, and common prefixes as texts, in order.
    @ivar truncated: There is more.
    """

    entries: tuple[Any, ...]
    truncated: bool

    @property
    def rows(self) -> list[Any]:
        """Those of the entries that are rows."""
        return [entry for entry in self.entries if not isinstance(entry, str)]

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Those of the entries that are common prefixes."""
        return tuple(entry for entry in self.entries if isinstance(entry, str))

    @property
    def next_key(self) -> str | None:
        """The key or common prefix at which the page ends; C{None} when no more follow."""
        if not self.truncated:
            return None
        last = self.entries[-1]
        return last if isinstance(last, str) else str(last.key)


def behind(prefix: str) -> str | None:
    """
    The first text after all those that begin with C{prefix}.

    @return: C{None} when there is none.
    """
    while prefix:
        code = ord(prefix[-1]) + 1
        prefix = prefix[:-1]
        if code in _SURROGATES:
            code = _SURROGATES.stop
        if code <= _LAST_CHARACTER:
            return prefix + chr(code)
    return None


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """What C{key} is listed as: its start up to the delimiter; C{None}: as itself."""
    if not delimiter or not key.startswith(prefix):
        return None
    end = key.find(delimiter, len(prefix))
    return None if end < 0 else key[: end + len(delimiter)]


def next_after(key: str) -> Position:
    """The position of the first key after C{key}."""
    # No key has a NUL: the keys after "a NUL b" are those after "a".
    return key.partition("\0")[0] + _FIRST, ""


def first_position(query: Query) -> Position | None:
    """Where a page begins; C{None}: behind all keys."""
    if not query.after:
        return query.prefix, ""
    group = common_prefix(query.after, query.prefix, query.delimiter)
    if group is not None and group == query.after:
        end = behind(group)
        return None if end is None else (end, "")
    if query.after_row and "\0" not in query.after:
        after = (query.after, query.after_row)
    else:
        after = next_after(query.after)
    return max((query.prefix, ""), after)


def read_page(
    query: Query,
    fetch: Callable[[Position, str | None, int], Sequence[_R]],
    position_after: Callable[[_R], Position],
) -> Page:
    """
    Read a page.

    Of the rows under a common prefix only some are read: the next look begins behind it.

    @param fetch: Rows from a position on and before a key (C{None}: to the end), at most so many.
    @param position_after: The position that follows a row.
    """
    if query.limit <= 0 or "\0" in query.prefix:
        return Page((), False)
    entries: list[_R | str] = []
    start = first_position(query)
    end = behind(query.prefix)
    wanted = query.limit + 1
    size = min(wanted, _FEWEST_ROWS if query.delimiter else _MOST_ROWS)
    while start is not None and (end is None or start[0] < end):
        rows = fetch(start, end, size)
        group: str | None = None
        for row in rows:
            if group is not None and row.key.startswith(group):
                continue
            group = common_prefix(row.key, query.prefix, query.delimiter)
            entries.append(row if group is None else group)
            if len(entries) == wanted:
                return Page(tuple(entries[:-1]), True)
        if len(rows) < size:
            break
        if group is None:
            start = position_after(rows[-1])
            size = min(wanted, size * 2, _MOST_ROWS)
        else:
            after_group = behind(group)
            start = None if after_group is None else (after_group, "")
            size = min(wanted, _FEWEST_ROWS)
    return Page(tuple(entries), False)
