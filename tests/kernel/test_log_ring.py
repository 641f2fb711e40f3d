"""The newest log events."""

from __future__ import annotations

from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.identifiers import current_request_id
from twisted_aigate.kernel.log_ring import LogRing
from twisted_aigate.kernel.secrets import Secret

_SECRET = "sk-the-master-key"


class LogRingTests(SynchronousTestCase):
    """Kept, and searched."""

    def setUp(self) -> None:
        self.ring = LogRing(3, [Secret(_SECRET), Secret("short")])
        self.log = Logger(namespace="harbour", observer=self.ring)

    def found(self, request_id: str = "", text: str = "", levels: str = "") -> list[str]:
        wanted = frozenset(levels.split()) if levels else frozenset[str]()
        return [event.message for event in self.ring.find(request_id, text, wanted, 10)]

    def test_the_newest_are_kept_and_come_first(self) -> None:
        for number in range(5):
            self.log.info("event {number}", number=number)
        self.assertEqual(self.found(), ["event 4", "event 3", "event 2"])
        self.assertEqual([event.number for event in self.ring.after(4, 10)], [5])
        self.assertEqual([event.number for event in self.ring.after(0, 2)], [4, 5])
        self.assertEqual(self.ring.after(5, 10), [])

    def test_search_by_request_text_and_level(self) -> None:
        self.log.info("Lit", request_id="abc-1")
        self.log.warn("Dark", request_id="abd-1")
        token = current_request_id.set("abc-2")
        self.log.error("gone")
        current_request_id.reset(token)
        self.assertEqual(self.found("abc"), ["gone", "Lit"])
        self.assertEqual(self.found(text="LIT"), ["Lit"])
        self.assertEqual(self.found(levels="warn error"), ["gone", "Dark"])
        self.assertEqual(self.found("abc", "dark"), [])

    def test_what_is_said_for_developers_is_not_kept(self) -> None:
        self.log.debug("detail")
        self.assertEqual(self.found(), [])

    def test_a_traceback_is_part_of_the_message(self) -> None:
        try:
            raise ValueError("the lamp broke")
        except ValueError:
            self.log.failure("no light")
        (message,) = self.found(levels="critical")
        self.assertIn("the lamp broke", message)

    def test_secrets_are_masked_and_messages_cut(self) -> None:
        self.log.info("came with {key} in short", key=_SECRET)
        self.log.info("x" * 10_000)
        self.assertEqual(self.found()[1], "came with **** in short")
        self.assertEqual(len(self.found()[0]), 4096)
