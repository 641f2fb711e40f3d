"""What may be stored, by what clients sent and what was acknowledged."""

from __future__ import annotations

import hashlib
import itertools
import random
import threading
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from attrs import define, field, frozen

_NEVER = float("inf")


@frozen
class Value:
    """
    An object's bytes, made anew whenever they are needed.

    @ivar seed: What they are made of.
    @ivar sizes: Of its parts; of one when it was stored whole.
    @ivar parted: It was uploaded in parts.
    """

    seed: int
    sizes: tuple[int, ...]
    parted: bool = False

    def pieces(self) -> list[bytes]:
        """Its parts' bytes."""
        source = random.Random(self.seed)
        return [source.randbytes(size) for size in self.sizes]


@frozen
class Seen:
    """
    What a client sees of an object.

    @ivar md5: Of all its bytes, in hex.
    """

    etag: str
    size: int
    md5: str


def seen_of(value: Value, pieces: list[bytes]) -> Seen:
    """How C{value} looks when it is stored."""
    whole = hashlib.md5()
    sums = []
    for piece in pieces:
        whole.update(piece)
        sums.append(hashlib.md5(piece).digest())
    etag = whole.hexdigest()
    if value.parted:
        etag = f"{hashlib.md5(b''.join(sums)).hexdigest()}-{len(pieces)}"
    return Seen(etag, sum(map(len, pieces)), whole.hexdigest())


@define(eq=False)
class _Change:
    begun: float
    result: Seen | None
    acknowledged: float = _NEVER


@define
class _History:
    changes: list[_Change] = field(factory=lambda: [_Change(0, None, 0)])


class Model:
    """
    What was done to each key, and so what may be there.

    Threads change a key at the same time: all that is known is that what began after another was
    acknowledged comes after it.
    """

    def __init__(self) -> None:
        self._histories: dict[str, _History] = defaultdict(_History)
        self._known: dict[str, dict[str, Seen]] = defaultdict(dict)
        self._lock = threading.Lock()
        self._ticks = itertools.count(1)
        self.acknowledged = 0
        self.unacknowledged = 0

    @contextmanager
    def changing(self, key: str, result: Seen | None) -> Iterator[None]:
        """
        Change a key; when this ends without an error the change is acknowledged.

        @param result: What is there afterwards; C{None}: nothing.
        """
        with self._lock:
            change = _Change(next(self._ticks), result)
            self._histories[key].changes.append(change)
            if result is not None:
                self._known[key][result.etag] = result
        try:
            yield
        except BaseException:
            self.unacknowledged += 1
            raise
        with self._lock:
            change.acknowledged = next(self._ticks)
            self.acknowledged += 1

    def known(self, key: str, etag: str) -> Seen | None:
        """What has been sent to a key with this C{ETag}."""
        with self._lock:
            return self._known[key].get(etag)

    def may_be(self, key: str) -> Collection[Seen | None]:
        """What may be there when nobody changes it."""
        with self._lock:
            changes = self._histories[key].changes
            latest = max((one.begun for one in changes if one.acknowledged < _NEVER), default=0.0)
            return [one.result for one in changes if one.acknowledged >= latest]

    def is_now(self, key: str, found: Seen | None) -> None:
        """The server has restarted, and this is what is there."""
        with self._lock:
            tick = next(self._ticks)
            self._histories[key].changes = [_Change(tick, found, tick)]
            self._known[key] = {} if found is None else {found.etag: found}
