"""Gathers figures from whoever has some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.logger import Logger

from twisted_aigate.interfaces import FigureSource
from twisted_aigate.kernel.figures import Family
from twisted_aigate.kernel.threads import Threads


class Metrics:
    """
    The figures.

    @param sources: Who has some, by name.
    @param threads: Where they are written as text.
    """

    _log = Logger()

    def __init__(self, sources: Mapping[str, FigureSource], threads: Threads) -> None:
        self._sources = sources
        self._threads = threads

    async def text(self, accept: str) -> tuple[bytes, str]:
        """
        All figures.

        @param accept: The C{Accept} field of who asks.
        @return: The text and its media type.
        """
        families: list[Family] = []
        failed: list[tuple[tuple[str, ...], float]] = []
        for name, source in self._sources.items():
            try:
                families += await source.figures()
                failed.append(((name,), 0))
            except Exception:
                # The figures of the others are wanted all the more.
                self._log.failure("{name} has no figures", name=name)
                failed.append(((name,), 1))
        families.append(_failed(failed))
        return await self._threads.run(_expose, families, accept)


def _failed(samples: Sequence[tuple[tuple[str, ...], float]]) -> Family:
    help = "Whether the figures of a part are missing."
    return Family("aigate_figures_failed", "gauge", help, samples, ("part",))


def _expose(families: Sequence[Family], accept: str) -> tuple[bytes, str]:
    # The library is loaded by the first who asks: a server without Prometheus does without it.
    from twisted_aigate.metrics.exposition import expose

    return expose(families, accept)
