"""The conversation that a run is part of."""

from __future__ import annotations

import uuid
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.models import RunRequest
from twisted_aigate.claudebox.sessions import Session, choose_session, session_exists

_LAST = "a1c5ff07-1a55-4185-8485-808b4412dfc7"


class SessionCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.config = Path(self.mktemp())
        self.config.mkdir()

    def keep(self, session_id: str, project: str = "-data-workspaces-default") -> None:
        """Have Claude Code keep a session."""
        path = self.config / "projects" / project / f"{session_id}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


class ExistsTests(SessionCase):
    def test_before_the_first_one(self) -> None:
        self.assertFalse(session_exists(self.config, _LAST))

    def test_in_any_project(self) -> None:
        self.keep("another")
        self.assertFalse(session_exists(self.config, _LAST))
        self.keep(_LAST, "-elsewhere")
        self.assertTrue(session_exists(self.config, _LAST))

    def test_names_that_are_patterns(self) -> None:
        self.keep(_LAST)
        for name in ("*", "?" * 36, "[a]*", "**", ""):
            self.assertFalse(session_exists(self.config, name), name)
        self.keep("a[b]*")
        self.assertTrue(session_exists(self.config, "a[b]*"))

    def test_names_that_no_file_can_have(self) -> None:
        self.keep(_LAST)
        for name in ("x" * 1024, "a/b", "../x", "..", ".", "/etc/passwd", "\n", "ü" * 200):
            self.assertFalse(session_exists(self.config, name), name)


class ChoiceTests(SessionCase):
    def choose(self, last: str | None, **fields: bool | str) -> Session:
        request = RunRequest(prompt="hi", **fields)  # type: ignore[arg-type]
        return choose_session(request, last, self.config)

    def assert_new(self, session: Session) -> None:
        self.assertFalse(session.exists)
        self.assertEqual(str(uuid.UUID(session.id)), session.id)
        self.assertNotEqual(session.id, _LAST)

    def test_the_workspaces_last(self) -> None:
        self.keep(_LAST)
        self.assertEqual(self.choose(_LAST), Session(_LAST, exists=True))

    def test_a_new_one_when_there_was_none(self) -> None:
        self.assert_new(self.choose(None))
        self.assertNotEqual(self.choose(None).id, self.choose(None).id)

    def test_a_new_one_when_the_last_is_gone(self) -> None:
        self.assert_new(self.choose(_LAST))

    def test_a_new_one_when_it_is_asked_for(self) -> None:
        self.keep(_LAST)
        self.assert_new(self.choose(_LAST, no_continue=True))

    def test_one_that_is_named(self) -> None:
        self.keep(_LAST)
        for no_continue in (False, True):
            chosen = self.choose(_LAST, resume="named", no_continue=no_continue)
            # Whether it is there Claude Code says.
            self.assertEqual(chosen, Session("named", exists=True))
