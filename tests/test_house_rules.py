"""Rules of the house that no linter knows: each is one look at the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import twisted_aigate
from twisted_aigate.kernel.settings import Settings, declared

_PACKAGE = Path(twisted_aigate.__file__).parent
_DOCS = Path(__file__).parents[1] / "docs"
_MOST_LINES = 400


def _sources() -> Iterator[tuple[str, str, ast.Module]]:
    for path in sorted(_PACKAGE.rglob("*.py")):
        text = path.read_text("utf-8")
        yield str(path.relative_to(_PACKAGE)), text, ast.parse(text)


def _calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node.func.id


def _cell(default: str | None) -> str:
    return f"`{default}`" if default else ""


class HouseRulesTests(SynchronousTestCase):
    """What DESIGN asks of every module."""

    def test_processes_start_in_one_place(self) -> None:
        """Only kernel/processes starts child processes."""
        banned = {"spawnProcess", "Popen", "check_call", "check_output", "getProcessOutput"}
        found = [name for name, _, tree in _sources() if banned & set(_calls(tree))]
        self.assertEqual(found, ["kernel/processes.py"])
        imports = [name for name, text, _ in _sources() if "import subprocess" in text]
        self.assertEqual(imports, [])

    def test_no_global_reactor(self) -> None:
        """The reactor is handed over; only the plugin, which twistd calls, fetches it."""
        found = [
            name
            for name, _, tree in _sources()
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            and node.module == "twisted.internet"
            and any(alias.name == "reactor" for alias in node.names)
        ]
        self.assertEqual(found, ["plugin.py"])

    def test_no_hidden_clock(self) -> None:
        """Nothing sleeps, schedules or tells the time but through the clock that it was given."""
        banned = {"sleep", "deferLater", "LoopingCall", "TimerService"}
        found = [name for name, _, tree in _sources() if banned & set(_calls(tree))]
        self.assertEqual(found, [])
        # An embedded model's worker has no reactor, and nobody schedules by what it reads.
        found = [name for name, text, _ in _sources() if "time.time(" in text]
        self.assertEqual(found, ["gateway/local/engines/answers.py"])

    def test_no_inline_callbacks(self) -> None:
        """Coroutines are C{async def}."""
        found = [name for name, text, _ in _sources() if "inlineCallbacks" in text]
        self.assertEqual(found, [])

    def test_modules_are_small(self) -> None:
        """A module of this size has more than one reason to change."""
        found = [name for name, text, _ in _sources() if text.count("\n") > _MOST_LINES]
        self.assertEqual(found, [])

    def test_public_names_are_documented(self) -> None:
        """Every public module, class and function says what it is."""
        missing = []
        for name, _, tree in _sources():
            nodes: list[ast.AST] = [tree]
            for node in tree.body:
                nodes.append(node)
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    nodes += node.body
            for node in nodes:
                documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
                if isinstance(node, documented):
                    public = not getattr(node, "name", "").startswith("_")
                    if public and not ast.get_docstring(node):
                        missing.append(f"{name}: {getattr(node, 'name', 'module')}")
        self.assertEqual(missing, [])

    def test_every_variable_is_documented(self) -> None:
        """docs/configuration.md has each variable with its default."""
        text = (_DOCS / "configuration.md").read_text("utf-8")
        for name, default in declared(Settings):
            with self.subTest(name):
                self.assertRegex(text, rf"(?m)^\| `{name}`.*\| {re.escape(_cell(default))} \|$")
