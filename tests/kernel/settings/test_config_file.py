"""The configuration file: YAML, references, and what is said of one that cannot be used."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.settings import (
    ConfigError,
    Configuration,
    SettingsError,
    load,
    parse_config_file,
)
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
        self.assertEqual(read_config_file(None, {"A": "b"}), ({}, {"A": "b"}))

    def test_read(self) -> None:
        """UTF-8."""
        self.path.write_text("a: ü", "utf-8")
        self.assertEqual(read_config_file(self.path, {})[0], {"a": "ü"})

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


class IncludeTests(SynchronousTestCase):
    """Files that stand for several."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        (self.folder / "more").mkdir(parents=True)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def test_merged(self) -> None:
        """Lists are extended, all else is the included file's, and each file is read once."""
        path = self.write(
            "config.yaml",
            "include: [more/models.yaml, last.yaml, last.yaml]\n"
            "models: [a]\nrouter: {x: 1}\nkept: 1\nalone: {b: 2}\n",
        )
        self.write("more/models.yaml", "include: [deep.yaml, ../config.yaml]\nmodels: [b]\nkept:\n")
        self.write("more/deep.yaml", "models: [os.environ/C]\nrouter: {y: 2}")
        self.write("last.yaml", "models: [d]")
        sections, _ = read_config_file(path, {"C": "c"})
        self.assertEqual(
            sections,
            {"models": ["a", "b", "c", "d"], "router": {"y": 2}, "kept": 1, "alone": {"b": 2}},
        )

    def test_wrong(self) -> None:
        """What is said names the file at fault."""
        path = self.write("config.yaml", "include: [more/models.yaml]")
        for text in ("a: [", "include: more.yaml", "include: [1]", "include: [nowhere.yaml]"):
            self.write("more/models.yaml", text)
            error = str(self.assertRaises(SettingsError, read_config_file, path, {}))
            self.assertRegex(error, r"^AIGATE_CONFIG: [^:]*/more/(models|nowhere)\.yaml: ")


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

    def load(self, text: str, **environment: str) -> Configuration:
        config = Path(self.mktemp())
        config.write_text(text)
        return load({"AIGATE_CONFIG": str(config), **environment}, config.parent / "no")

    def test_variables_of_the_file(self) -> None:
        """They are as if the environment had them, and win over it."""
        found = self.load(
            "environment_variables:\n  A: os.environ/B\n  LOG_LEVEL: debug\n  PORT: 1\n"
            "  NO: os.environ/NOWHERE\nx: os.environ/A\n",
            B="b", A="a", LITELLM_MASTER_KEY="sk-m",
        )  # fmt: skip
        self.assertEqual(dict(found.file), {"x": "b"})
        self.assertEqual((found.environment["A"], found.environment["PORT"]), ("b", "1"))
        self.assertNotIn("NO", found.environment)
        self.assertEqual(found.settings.log_level, "debug")
        self.assertRaises(SettingsError, self.load, "environment_variables: [A]")

    def test_general_settings(self) -> None:
        """The master key and the database may be the file's, where the environment has none."""
        text = "general_settings: {master_key: os.environ/KEY, database_url: 'postgresql://db'}"
        settings = self.load(text, KEY="sk-file").settings
        assert settings.database_url is not None
        self.assertEqual(settings.master_key.reveal(), "sk-file")
        self.assertEqual(settings.database_url.reveal(), "postgresql://db")
        for name in ("LITELLM_MASTER_KEY", "AIGATE_MASTER_KEY"):
            settings = self.load(text, KEY="sk-file", DATABASE_URL="", **{name: "sk-e"}).settings
            self.assertEqual(settings.master_key.reveal(), "sk-e")
        self.assertRaises(SettingsError, self.load, text)
        self.assertRaises(SettingsError, self.load, "general_settings: [master_key]")
