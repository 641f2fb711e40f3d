"""What goes wrong with Redis."""

from __future__ import annotations


class RedisError(Exception):
    """A command gave no reply that is of use."""


class RedisUnavailable(RedisError):
    """Redis does not work now: not reached, silent, or stopped. The command may have been run."""


class RedisRefused(RedisError):
    """
    Redis answered with an error.

    @ivar code: Its first word: C{NOSCRIPT}, C{WRONGPASS}, C{OOM}, C{ERR} …
    """

    @property
    def code(self) -> str:
        """See the class."""
        return str(self).partition(" ")[0]
