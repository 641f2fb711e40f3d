"""How many requests there were, of what kind, and how long they took."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted_aigate.kernel.figures import Family, Histogram

_BOUNDS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
)  # fmt: skip
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
_LABELS = {method.encode("ascii"): method for method in _METHODS}
_OTHER = "other"
"""Whoever invents methods must not invent figures."""


Observer = Callable[[int, float], object]
"""Called with a request's status (499: the client left), and the seconds that it took."""


class Traffic:
    """
    Counts a site's requests.

    @ivar refused: Bytes that were no requests.
    @ivar observer: Told of each request too; C{None}: nobody is.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[bytes, str, int], int] = {}
        self._seconds: dict[bytes, Histogram] = {}
        self.refused = 0
        self.observer: Observer | None = None

    def count(self, prefix: bytes, method: bytes, status: int, seconds: float) -> None:
        """
        A request is over.

        @param prefix: Of the tree that it was for.
        @param seconds: How long it took, its body too.
        """
        key = prefix, _LABELS.get(method, _OTHER), status // 100
        self._counts[key] = self._counts.get(key, 0) + 1
        histogram = self._seconds.get(prefix)
        if histogram is None:
            histogram = self._seconds[prefix] = Histogram(_BOUNDS)
        histogram.observe(seconds)
        if self.observer is not None:
            self.observer(status, seconds)

    def families(self, root: str) -> Iterator[Family]:
        """
        What was counted.

        @param root: What the tree with the empty prefix is called.
        """
        yield Family(
            "aigate_http_requests",
            "counter",
            "Requests that are over, by tree, method and class of status.",
            [
                ((prefix.decode("ascii") or root, method, f"{status}xx"), count)
                for (prefix, method, status), count in self._counts.items()
            ],
            ("tree", "method", "status"),
        )
        yield Family(
            "aigate_http_request_seconds",
            "histogram",
            "How long requests took, from head to the last byte of the answer.",
            [
                ((prefix.decode("ascii") or root,), histogram.distribution())
                for prefix, histogram in self._seconds.items()
            ],
            ("tree",),
        )
        yield Family(
            "aigate_http_refused",
            "counter",
            "What was refused because it was no request.",
            [((root,), self.refused)],
            ("tree",),
        )
