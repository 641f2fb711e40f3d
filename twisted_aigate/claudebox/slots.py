"""How many runs there may be at once."""

from __future__ import annotations


class Slots:
    """
    Places for runs, shared by the instances.

    @param most: How many there are.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def take(self) -> bool:
        """
        Take one.

        @return: Whether there was one left.
        """
        if self._taken >= self._most:
            return False
        self._taken += 1
        return True

    def take_anyway(self) -> None:
        """Take one for a run that is there already."""
        self._taken += 1

    def give_back(self) -> None:
        """A run is over."""
        self._taken -= 1
