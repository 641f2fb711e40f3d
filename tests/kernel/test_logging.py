"""Log lines."""

from __future__ import annotations

import io
import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.identifiers import current_request_id
from twisted_aigate.kernel.logging import make_observer
from twisted_aigate.kernel.secrets import Secret


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class LogCase(SynchronousTestCase):
    log_format = "json"

    def setUp(self) -> None:
        self.out = io.StringIO()
        publisher = LogPublisher(make_observer(self.out, self.log_format, "info"))
        self.log = Logger("the.namespace", observer=publisher)

    def lines(self) -> list[str]:
        return self.out.getvalue().rstrip("\n").split("\n")

    def in_request(self, request_id: str) -> Deferred[None]:
        """Log from a coroutine, behind an await; fire what is returned to have it go on."""
        gate: Deferred[None] = Deferred()

        async def work() -> None:
            await gate
            self.log.info("behind the await")

        token = current_request_id.set(request_id)
        Deferred.fromCoroutine(work())
        current_request_id.reset(token)
        return gate


class JSONTests(LogCase):
    def only(self) -> dict[str, Any]:
        [line] = self.lines()
        return json.loads(line)

    def test_a_line_is_an_object_with_the_events_fields(self) -> None:
        self.log.warn("{what} of {n}", what="one", n=3, ok=True, none=None, share=0.5)
        line = self.only()
        self.assertIsInstance(line.pop("time"), float)
        self.assertEqual(
            line,
            {
                "level": "warn",
                "logger": "the.namespace",
                "message": "one of 3",
                "what": "one",
                "n": 3,
                "ok": True,
                "none": None,
                "share": 0.5,
            },
        )

    def test_what_is_no_plain_value_is_in_the_message_alone(self) -> None:
        self.log.info("{thing}", thing=object)
        self.assertNotIn("thing", self.only())

    def test_a_message_of_many_lines_is_one_line(self) -> None:
        self.log.info("{text}", text="a\nb\r\nc\u2028d")
        self.assertEqual(self.only()["message"], "a\nb\r\nc\u2028d")
        self.assertEqual(self.out.getvalue().count("\n"), 1)

    def test_a_failure_is_told_with_its_traceback(self) -> None:
        try:
            raise RuntimeError("here")
        except RuntimeError:
            self.log.failure("it failed")
        line = self.only()
        self.assertEqual(line["level"], "critical")
        self.assertTrue(line["message"].startswith("it failed\n"))
        self.assertIn("RuntimeError: here", line["message"])

    def test_the_request_id_is_in_a_line_behind_an_await(self) -> None:
        gates = [self.in_request("one"), self.in_request("two")]
        for gate in reversed(gates):
            gate.callback(None)
        ids = [json.loads(line)["request_id"] for line in self.lines()]
        self.assertEqual(ids, ["two", "one"])

    def test_an_id_that_is_given_wins_over_the_contexts(self) -> None:
        token = current_request_id.set("context")
        self.log.info("x", request_id="given")
        current_request_id.reset(token)
        self.assertEqual(self.only()["request_id"], "given")

    def test_outside_of_requests_there_is_no_id(self) -> None:
        self.log.info("x")
        self.assertNotIn("request_id", self.only())

    def test_a_secret_is_never_in_it(self) -> None:
        self.log.info("{key} {keys} {key!r}", key=Secret("swordfish"), keys=[Secret("swordfish")])
        self.assertNotIn("swordfish", self.out.getvalue())
        self.assertIn("****", self.out.getvalue())

    def test_a_broken_format_is_no_exception(self) -> None:
        self.log.info("{missing}")
        self.log.info("{x.y}", x=1)
        self.assertEqual(len(self.lines()), 2)


class TextTests(LogCase):
    log_format = "text"

    def test_a_line_has_time_level_and_message(self) -> None:
        self.log.info("{what} done", what="all")
        [line] = self.lines()
        self.assertRegex(line, r"^\d\d:\d\d:\d\d info +all done$")

    def test_the_request_id_is_in_a_line_behind_an_await(self) -> None:
        self.in_request("one").callback(None)
        self.assertRegex(self.lines()[0], r" one behind the await$")

    def test_an_id_that_is_given_is_in_it(self) -> None:
        self.log.info("x", request_id="given")
        self.assertRegex(self.lines()[0], r" given x$")

    def test_a_failure_is_told_with_its_traceback(self) -> None:
        try:
            raise RuntimeError("here")
        except RuntimeError:
            self.log.failure("it failed")
        self.assertIn("it failed", self.lines()[0])
        self.assertIn("RuntimeError: here", self.out.getvalue())

    def test_a_secret_is_never_in_it(self) -> None:
        self.log.info("{key}", key=Secret("swordfish"))
        self.assertNotIn("swordfish", self.out.getvalue())


class ChoiceTests(SynchronousTestCase):
    def first(self, out: io.StringIO, log_format: str) -> str:
        Logger(observer=LogPublisher(make_observer(out, log_format, "info"))).info("x")
        return out.getvalue()[0]

    def test_auto_is_text_on_a_terminal_and_json_elsewhere(self) -> None:
        self.assertNotEqual(self.first(Terminal(), "auto"), "{")
        self.assertEqual(self.first(io.StringIO(), "auto"), "{")

    def test_a_choice_holds_anywhere(self) -> None:
        self.assertEqual(self.first(Terminal(), "json"), "{")
        self.assertNotEqual(self.first(io.StringIO(), "text"), "{")

    def test_what_is_below_the_level_is_not_written(self) -> None:
        for level, written in (("debug", 5), ("info", 4), ("warn", 3), ("error", 2)):
            out = io.StringIO()
            log = Logger(observer=LogPublisher(make_observer(out, "json", level)))
            for name in ("debug", "info", "warn", "error", "critical"):
                log.emit(LogLevel.levelWithName(name), "x")
            self.assertEqual(out.getvalue().count("\n"), written, level)
