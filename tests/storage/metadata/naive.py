"""Lists done the naive way: all keys in memory, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen


@frozen
class NaivePage:
    """
    @ivar entries: Keys (with what tells them apart) and common prefixes, as texts.
    """

    entries: list[tuple[str, str] | str]
    truncated: bool


def naive_page(
    rows: Sequence[tuple[str, str]],
    prefix: str,
    delimiter: str,
    after: str,
    after_id: str,
    limit: int,
) -> NaivePage:
    """A page of C{rows}, keys with what tells rows of one key apart, by S3's rules."""
    entries: list[tuple[str, str] | str] = []
    for key, row_id in sorted(rows, key=lambda row: (row[0].encode(), row[1].encode())):
        if not key.startswith(prefix):
            continue
        if key.encode() < after.encode():
            continue
        if key == after and not (after_id and row_id > after_id):
            continue
        head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if not found:
            entries.append((key, row_id))
            continue
        group = prefix + head + found
        if group != after and group not in entries:
            entries.append(group)
    return NaivePage(entries[:limit], limit > 0 and len(entries) > limit)
