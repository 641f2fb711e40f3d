"""From the URL of a database to an engine."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.database.engines import make_engine

_BASE = "postgresql://me:secret@db.test/aigate"


def _query(text: str) -> dict[str, object]:
    query: dict[str, object] = dict(make_engine(f"{_BASE}{text}").url.query)
    for name in ("connect_timeout", "application_name"):
        query.pop(name)
    return query


class EngineTests(SynchronousTestCase):
    """What becomes of a URL."""

    def test_postgresql(self) -> None:
        """Its own parameters are the driver's; ours are defaults."""
        self.assertEqual(_query("?sslmode=require"), {"sslmode": "require"})
        engine = make_engine(f"{_BASE}?application_name=mine")
        self.assertEqual(engine.url.query["application_name"], "mine")

    def test_prismas_parameters(self) -> None:
        """A URL that LiteLLM was given works here: the driver would refuse them."""
        self.assertEqual(
            _query("?connection_limit=10&pool_timeout=5&pgbouncer=true&sslmode=require"),
            {"sslmode": "require"},
        )
        self.assertEqual(_query("?schema=lite"), {"options": "-csearch_path=lite"})
        self.assertEqual(_query("?schema=lite&options=-cx"), {"options": "-cx"})

    def test_others(self) -> None:
        for url in ("mysql://db.test/x", "sqlite://", "sqlite:///:memory:"):
            self.assertRaises(ValueError, make_engine, url)
