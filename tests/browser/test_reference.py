"""The documentation of the actions."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.browser.reference import DOCUMENT, with_reference


class ReferenceTests(SynchronousTestCase):
    def test_it_is_what_the_models_say(self) -> None:
        """If not: C{python -m tests.browser.reference}."""
        text = DOCUMENT.read_text("utf-8")
        self.assertEqual(text, with_reference(text))
