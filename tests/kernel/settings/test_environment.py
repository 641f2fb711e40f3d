"""Where variables come from."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.settings import read_environment, read_settings


class EnvironmentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def write(self, text: str) -> None:
        (self.folder / ".env").write_text(text, encoding="utf-8")

    def test_without_a_file_the_environment_is_all(self) -> None:
        self.assertEqual(read_environment({"A": "1"}, self.folder), {"A": "1"})

    def test_the_environment_wins_over_the_file(self) -> None:
        self.write("A=file\nB=file\n")
        merged = read_environment({"A": "process", "C": "process"}, self.folder)
        self.assertEqual(merged, {"A": "process", "B": "file", "C": "process"})

    def test_quotes_comments_and_export_are_understood(self) -> None:
        self.write("# a comment\nexport A='x y'\nB=\"z\" # another\n\nC=schön\n")
        self.assertEqual(read_environment({}, self.folder), {"A": "x y", "B": "z", "C": "schön"})

    def test_values_are_taken_as_they_stand(self) -> None:
        self.write("A=$HOME\nB=${A}b\n")
        self.assertEqual(read_environment({}, self.folder), {"A": "$HOME", "B": "${A}b"})

    def test_a_name_without_a_value_is_left_out(self) -> None:
        self.write("A\nB=\n")
        self.assertEqual(read_environment({}, self.folder), {"B": ""})

    def test_the_given_environment_is_not_changed(self) -> None:
        self.write("A=file\n")
        process = {"B": "process"}
        read_environment(process, self.folder)
        self.assertEqual(process, {"B": "process"})

    def test_an_empty_value_is_the_default(self) -> None:
        self.write("LITELLM_MASTER_KEY=sk-file\nAIGATE_PORT=81\n")
        settings = read_settings(read_environment({"AIGATE_PORT": ""}, self.folder))
        self.assertEqual(settings.edge.port, 4000)
        self.assertEqual(settings.master_key.reveal(), "sk-file")
