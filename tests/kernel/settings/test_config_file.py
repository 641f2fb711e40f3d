"""The configuration file: YAML, references, and what is said of one that cannot be used."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.settings import ConfigError, SettingsError, load, parse_config_file
from twisted_aigate.kernel.settings.config_file import read_config_file


class ParsingTests(SynchronousTestCase):
    """From text to sections."""

    def test_references(self) -> None:
        """They are resolved wherever they stand; one to an unset variable is an unset value."""
        text = "a: {b: [os.environ/X, {c: os.environ/X}], d: os.environ/Y}\ne: os.environ/X"
        self.assertEqual(
            parse_config_file(text, {"X": "x"}),
            {"a": {"b": ["x", {"c": "x"}], "d": None}, "e": "x"},
        )

    def test_no_references(self) -> None:
        """The words within a value, or a key, are no reference."""
        text = "a: see os.environ/X\nos.environ/X: 1"
        self.assertEqual(
            parse_config_file(text, {"X": "x"}), {"a": "see os.environ/X", "os.environ/X": 1}
        )

    def test_value_is_not_resolved_again(self) -> None:
        """A variable's value is a value."""
        self.assertEqual(
            parse_config_file("a: os.environ/X", {"X": "os.environ/Y", "Y": "y"}),
            {"a": "os.environ/Y"},
        )

    def test_empty(self) -> None:
        """An empty file has no section, and an empty section is none."""
        for text in ("", "# nothing\n", "---\n", "buckets:\n", "buckets: os.environ/NO\n"):
            self.assertEqual(parse_config_file(text, {}), {}, text)

    def test_wrong(self) -> None:
        """Each is told in one line, with the place for what is no YAML."""
        for text, said in (
            ("a: [1, 2\nb: 3\n", "line 2"),
            ("\ta: 1", "not valid YAML"),
            ("- a\n- b\n", "mapping"),
            ("just words", "mapping"),
            ("a: !!python/object/apply:os.system ['true']", "not valid YAML"),
            ("a: *nowhere", "not valid YAML"),
        ):
            error = self.assertRaises(ConfigError, parse_config_file, text, {})
            self.assertIn(said, str(error))
            self.assertNotIn("\n", str(error))


class ReadingTests(SynchronousTestCase):
    """From a file to sections."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def fails(self) -> str:
        text = str(self.assertRaises(SettingsError, read_config_file, self.path, {}))
        self.assertTrue(text.startswith(f"AIGATE_CONFIG: {self.path}: "), text)
        self.assertNotIn("\n", text)
        return text

    def test_none(self) -> None:
        """No file, no section."""
        self.assertEqual(read_config_file(None, {}), {})

    def test_read(self) -> None:
        """UTF-8."""
        self.path.write_text("a: ü", "utf-8")
        self.assertEqual(read_config_file(self.path, {}), {"a": "ü"})

    def test_wrong(self) -> None:
        """Missing, a folder, no UTF-8, no YAML: one line that names the variable and the file."""
        self.fails()
        self.path.mkdir()
        self.fails()
        self.path.rmdir()
        self.path.write_bytes(b"a: \xff")
        self.fails()
        self.path.write_text("a: [")
        self.assertIn("not valid YAML", self.fails())


class LoadingTests(SynchronousTestCase):
    """Settings, environment and file, at one moment."""

    def test_all_of_it(self) -> None:
        """The environment wins over .env; the file may refer to either."""
        folder = Path(self.mktemp())
        folder.mkdir()
        config = folder / "config.yaml"
        config.write_text("a: os.environ/FROM_FILE\nb: os.environ/BOTH\n")
        (folder / ".env").write_text(f"FROM_FILE=1\nBOTH=file\nAIGATE_CONFIG={config}\n")
        found = load({"LITELLM_MASTER_KEY": "sk-m", "BOTH": "environment"}, folder)
        self.assertEqual(dict(found.file), {"a": "1", "b": "environment"})
        self.assertEqual(found.settings.config, config)
        self.assertEqual(found.environment["FROM_FILE"], "1")
        self.assertEqual(
            str(found.wrong_file(ConfigError("buckets: no"))),
            f"AIGATE_CONFIG: {config}: buckets: no",
        )
