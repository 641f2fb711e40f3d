"""The keys that were looked for a moment ago, there or not."""

from __future__ import annotations

from attrs import frozen

from twisted_aigate.gateway.keys.models import VirtualKey


@frozen
class Found:
    """
    What was found.

    @ivar key: The key; C{None}: there is none.
    @ivar at: When, on the clock.
    """

    key: VirtualKey | None
    at: float


class _Bounded(dict[str, Found]):
    def __init__(self, most: int) -> None:
        self._most = most

    def keep(self, token: str, found: Found) -> None:
        self.pop(token, None)
        if len(self) >= self._most:
            del self[next(iter(self))]
        self[token] = found


class KeyCache:
    """
    Remembers what was found.

    Those that there are not have a place of their own: who tries keys pushes no valid one out.

    @param most: How many keys are remembered; as many that are none.
    """

    def __init__(self, most: int) -> None:
        self._keys = _Bounded(most)
        self._none = _Bounded(most)
        self._changes = 0

    @property
    def changes(self) -> int:
        """Counts what was forgotten: what is read meanwhile may be old."""
        return self._changes

    def get(self, token: str) -> Found | None:
        """What is remembered of a key."""
        return self._keys.get(token) or self._none.get(token)

    def keep(self, token: str, found: Found, changes: int) -> None:
        """
        Remember a key.

        @param changes: L{changes} from before it was read; nothing is remembered if it has grown.
        """
        if changes != self._changes:
            return
        self.drop(token)
        place = self._none if found.key is None else self._keys
        place.keep(token, found)

    def drop(self, token: str) -> None:
        """Forget a key, of this moment."""
        self._keys.pop(token, None)
        self._none.pop(token, None)

    def forget(self, token: str) -> None:
        """Forget a key, and what is being read of it: it was changed."""
        self._changes += 1
        self.drop(token)
