"""What a run may be asked to be."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.models import RunRequest, check_extras
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.json_body import parse

_decoder = msgspec.json.Decoder(RunRequest)
_SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^ü"}}}
_SERVERS = {"mcpServers": {"files": {"command": "serve", "args": ["-x"]}}}


def parsed(**fields: Any) -> RunRequest:
    return parse(_decoder, msgspec.json.encode({"prompt": "hi", **fields}), status=422)


def nested(depth: int) -> str:
    return '{"not":' * depth + "{}" + "}" * depth


class FieldTests(SynchronousTestCase):
    def refused(self, name: str, value: Any) -> str:
        error = self.assertRaises(HTTPError, parsed, **{name: value})
        self.assertEqual(error.status, 422, (name, value))
        self.assertIn(f"'{name}", error.message, (name, value))
        return str(error.message)

    def test_the_defaults(self) -> None:
        request = parsed()
        self.assertEqual(request, RunRequest(prompt="hi"))
        given = msgspec.structs.asdict(request)
        self.assertEqual(
            {name: value for name, value in given.items() if value not in (None, False)},
            {"prompt": "hi", "output_format": "json"},
        )

    def test_all_fields(self) -> None:
        fields: dict[str, Any] = {
            "workspace": "a/b",
            "model": "claude-opus-4-8[1m]",
            "systemPrompt": "",
            "appendSystemPrompt": "-x",
            "jsonSchema": _SCHEMA,
            "effort": "max",
            "outputFormat": "json-verbose",
            "noContinue": True,
            "resume": "a1c5ff07-1a55-4185-8485-808b4412dfc7",
            "fireAndForget": True,
            "async": True,
            "timeoutSeconds": 0.5,
            "maxTurns": 3,
            "allowedTools": ["Bash(git log:*)", "Read"],
            "disallowedTools": [],
            "mcpConfig": _SERVERS,
            "includePartialMessages": True,
        }
        request = parsed(**fields)
        self.assertEqual(msgspec.to_builtins(request), {"prompt": "hi", **fields})

    def test_null_is_the_default_of_what_has_none(self) -> None:
        for name in ("workspace", "model", "systemPrompt", "appendSystemPrompt", "jsonSchema",
                     "effort", "resume", "timeoutSeconds", "maxTurns", "allowedTools",
                     "disallowedTools", "mcpConfig"):  # fmt: skip
            self.assertEqual(parsed(**{name: None}), RunRequest(prompt="hi"), name)

    def test_a_prompt_is_needed(self) -> None:
        error = self.assertRaises(HTTPError, parse, _decoder, b"{}", 422)
        self.assertEqual(error.status, 422)
        self.assertIn("'prompt'", error.message)
        self.refused("prompt", "")

    def test_wrong_types(self) -> None:
        texts = ("prompt", "workspace", "model", "systemPrompt", "appendSystemPrompt", "effort",
                 "outputFormat", "resume")  # fmt: skip
        for name in texts:
            for value in (1, True, ["x"], {}):
                self.refused(name, value)
        for name in ("noContinue", "fireAndForget", "async", "includePartialMessages"):
            for value in (1, "true", None):
                self.refused(name, value)
        for name in ("jsonSchema", "mcpConfig"):
            for value in (1, True, [{}]):
                self.refused(name, value)
        for name in ("allowedTools", "disallowedTools"):
            for value in ("Bash", [1], [None], {}):
                self.refused(name, value)
        for value in ("1", True, []):
            self.refused("timeoutSeconds", value)
        for other in ("1", True, 1.5):
            self.refused("maxTurns", other)

    def test_out_of_range(self) -> None:
        for name, values in {
            "effort": ("", "none", "Max"),
            "outputFormat": ("", "text", "stream-json", "json_verbose"),
            "model": ("", "x" * 1025, "a\0"),
            "resume": ("", "x" * 1025, "\0"),
            "timeoutSeconds": (0, -1, 604_801),
            "maxTurns": (0, -1, 100_001),
            "allowedTools": (["-x"], [""], ["a\0b"], ["x" * 1025], ["x"] * 257),
            "disallowedTools": (["--dangerously-skip-permissions"], ["\0"]),
        }.items():
            for value in values:
                self.refused(name, value)

    def test_unknown_fields_are_named(self) -> None:
        for name in ("Prompt", "system_prompt", "detach", "x"):
            error = self.assertRaises(HTTPError, parsed, **{name: "x"})
            self.assertEqual(error.status, 422)
            self.assertIn(f"`{name}`", error.message)


class SchemaTests(SynchronousTestCase):
    def refused(self, schema: Any) -> str:
        request = RunRequest(prompt="hi", json_schema=schema)
        error: Any = self.assertRaises(ClaudeboxError, check_extras, request)
        self.assertEqual(error.status, 422)
        self.assertIn("'jsonSchema'", error.detail)
        return str(error.detail)

    def text(self, schema: Any) -> str | None:
        return check_extras(RunRequest(prompt="hi", json_schema=schema)).json_schema

    def test_none(self) -> None:
        self.assertIsNone(self.text(None))

    def test_as_text_and_as_an_object(self) -> None:
        encoded = msgspec.json.encode(_SCHEMA).decode()
        self.assertEqual(self.text(_SCHEMA), encoded)
        self.assertEqual(self.text(msgspec.json.format(encoded, indent=4)), encoded)
        self.assertEqual(self.text({}), "{}")

    def test_its_dialect_is_not_told(self) -> None:
        """Claude Code drops a schema that names one; it is heeded here, by what it allows."""
        for dialect in ("https://json-schema.org/draft/2020-12/schema", "http://x.test/own"):
            self.assertEqual(self.text({"$schema": dialect, "type": "object"}), '{"type":"object"}')
        old = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}
        self.assertIsNotNone(self.text(old))
        self.refused({**old, "$schema": "https://json-schema.org/draft/2020-12/schema"})

    def test_what_is_none(self) -> None:
        for schema in ("", "{", "nothing", "1", "true", "null", "[]", '"x"', '{"type": "strange"}',
                       {"type": 1}, {"properties": []}, {"required": "a"}, {"minLength": -1},
                       "\ud800"):  # fmt: skip
            self.refused(schema)

    def test_one_that_does_not_fit_an_argument(self) -> None:
        # A program's argument may have 131,071 bytes.
        self.assertLess(len((self.text({"title": "x" * 99_000}) or "").encode()), 131_000)
        self.assertIn("bytes", self.refused({"title": "x" * 100_000}))
        self.assertIn("bytes", self.refused({"title": "ü" * 60_000}))

    def test_one_that_is_nested_too_deeply(self) -> None:
        self.assertIn("deep", self.refused(nested(100_000)))
        self.assertIn("deep", self.refused(nested(900)))
        self.assertIn("deep", self.refused(msgspec.json.decode(nested(900))))
        self.assertIsNotNone(self.text(nested(10)))


class MCPTests(SynchronousTestCase):
    def text(self, config: Any) -> str | None:
        return check_extras(RunRequest(prompt="hi", mcp_config=config)).mcp_config

    def test_none(self) -> None:
        self.assertIsNone(self.text(None))

    def test_as_text_and_as_an_object(self) -> None:
        encoded = msgspec.json.encode(_SERVERS).decode()
        self.assertEqual(self.text(_SERVERS), encoded)
        self.assertEqual(self.text(f" {encoded}\n"), encoded)

    def test_what_is_none(self) -> None:
        for config in ("", "{", "[]", "1", {}, {"mcpServers": []}, {"mcpServers": None},
                       "/etc/passwd", nested(100_000)):  # fmt: skip
            request = RunRequest(prompt="hi", mcp_config=config)
            error: Any = self.assertRaises(ClaudeboxError, check_extras, request)
            self.assertEqual(error.status, 422)
            self.assertIn("'mcpConfig'", error.detail)
