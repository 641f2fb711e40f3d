"""Skills that every run is given."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.skills import always_skills, appended_prompt


class SkillTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.config = Path(self.mktemp())
        self.config.mkdir()

    def write(self, name: str, text: str | bytes) -> None:
        path = self.config / ".always-skills" / name / "SKILL.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    def test_none(self) -> None:
        self.assertEqual(always_skills(self.config), "")
        (self.config / ".always-skills").mkdir()
        self.assertEqual(always_skills(self.config), "")
        self.assertIsNone(appended_prompt(self.config, None))
        self.assertIsNone(appended_prompt(self.config, ""))

    def test_in_the_order_of_their_names(self) -> None:
        for name in ("b", "a", "10", "9", "Z"):
            self.write(name, f"skill {name}\n")
        self.assertEqual(
            always_skills(self.config), "skill 10\n\nskill 9\n\nskill Z\n\nskill a\n\nskill b"
        )

    def test_before_the_requests_own(self) -> None:
        self.assertEqual(appended_prompt(self.config, " own\n"), " own\n")
        self.write("a", "skill")
        self.assertEqual(appended_prompt(self.config, "own"), "skill\n\nown")
        self.assertEqual(appended_prompt(self.config, None), "skill")
        self.assertEqual(appended_prompt(self.config, ""), "skill")

    def test_read_anew_each_time(self) -> None:
        self.write("a", "one")
        self.assertEqual(always_skills(self.config), "one")
        self.write("a", "two")
        self.write("b", "three")
        self.assertEqual(always_skills(self.config), "two\n\nthree")
        os.unlink(self.config / ".always-skills/a/SKILL.md")
        self.assertEqual(always_skills(self.config), "three")

    def test_what_is_no_skill(self) -> None:
        self.write("a", "skill")
        folder = self.config / ".always-skills"
        (folder / "README.md").write_text("no skill")
        (folder / "empty").mkdir()
        (folder / "broken").symlink_to("nowhere")
        (folder / "folder/SKILL.md").mkdir(parents=True)
        self.write("blank", " \n")
        self.write("c/deeper", "no skill")
        self.assertEqual(always_skills(self.config), "skill")

    def test_one_that_is_a_link(self) -> None:
        elsewhere = self.config / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "SKILL.md").write_text("linked")
        (self.config / ".always-skills").mkdir()
        (self.config / ".always-skills/a").symlink_to(elsewhere.absolute())
        self.assertEqual(always_skills(self.config), "linked")

    def test_one_that_is_not_utf_8(self) -> None:
        self.write("a", b"caf\xe9")
        self.assertEqual(always_skills(self.config), "caf\ufffd")
