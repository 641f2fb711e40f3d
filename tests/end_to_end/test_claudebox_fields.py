"""What a run is asked to be reaches the real Claude Code, and what it asks of the API."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.end_to_end.anthropic_messages import prompts, tool_names
from tests.end_to_end.anthropic_steps import Always, Say, StructuredOutput, UseTool
from tests.end_to_end.claudebox_server import ClaudeboxTestCase

_SCHEMA = {
    "type": "object",
    "properties": {"city_name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city_name", "people"],
}
# An MCP server over standard input and output, with one tool.
_MCP_SERVER = """
import json, sys

for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    if asked["method"] == "initialize":
        result = {
            "protocolVersion": asked["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "greeter", "version": "1"},
        }
    elif asked["method"] == "tools/list":
        schema = {"type": "object", "properties": {"who": {"type": "string"}}}
        result = {"tools": [{"name": "greet", "description": "Greets.", "inputSchema": schema}]}
    elif asked["method"] == "tools/call":
        text = "Greetings, " + asked["params"]["arguments"]["who"] + "!"
        result = {"content": [{"type": "text", "text": text}]}
    else:
        result = {}
    answer = {"jsonrpc": "2.0", "id": asked["id"], "result": result}
    print(json.dumps(answer), flush=True)
"""


class FieldTests(ClaudeboxTestCase):
    """One field after the other, seen in the requests that Claude Code makes."""

    def asked(self, **fields: Any) -> dict[str, Any]:
        """What the API is asked by a run with these fields."""
        self.anthropic.script(self.name, Say("Done."))
        self.assertEqual(self.run_it(**fields)["result"], "Done.")
        body: dict[str, Any] = self.anthropic.received(self.name)[-1].body
        return body

    def system(self, **fields: Any) -> str:
        """The system prompt of a run with these fields."""
        return "\n".join(block["text"] for block in self.asked(**fields)["system"])

    def test_model(self) -> None:
        """A short name is the newest model of its size, a full name is itself."""
        self.assertIn("haiku", self.asked(model="haiku")["model"])
        full = "claude-sonnet-4-5-20250929"
        self.assertEqual(self.asked(model=full)["model"], full)

    def test_system_prompts(self) -> None:
        """One takes the place of the default, the other follows what is there."""
        appended = self.system(appendSystemPrompt="And $polite, `please`.")
        self.assertIn("And $polite, `please`.", appended)
        both = self.system(systemPrompt="Be --terse.\nAlways.", appendSystemPrompt="Be last.")
        self.assertLess(both.index("Be --terse.\nAlways."), both.index("Be last."))
        self.assertLess(len(both), len(appended) / 2)

    def test_always_skills(self) -> None:
        """Skills follow each other by name, before the request's own, and are read anew."""
        skills = self.server.data / "config" / ".always-skills"
        for name, text in (("b-second", "Second skill."), ("a-first", "First skill.")):
            (skills / name).mkdir()
            (skills / name / "SKILL.md").write_text(text)
        system = self.system(appendSystemPrompt="The request's own.")
        places = [system.index(t) for t in ("First skill.", "Second skill.", "The request's own.")]
        self.assertEqual(places, sorted(places))
        (skills / "a-first" / "SKILL.md").write_text("Another skill.")
        (skills / "b-second" / "SKILL.md").unlink()
        system = self.system()
        self.assertIn("Another skill.", system)
        self.assertNotIn("First skill.", system)
        self.assertNotIn("Second skill.", system)
        (skills / "a-first" / "SKILL.md").unlink()

    def test_json_schema(self) -> None:
        """What matches the schema is the structured output, its names as they are."""
        value = {"city_name": "Tbilisi", "people": 1_200_000}
        steps = StructuredOutput({"people": 1}), StructuredOutput(value)
        self.anthropic.script(self.name, *steps)
        result = self.run_it(jsonSchema=json.dumps(_SCHEMA))
        self.assertEqual(result["structuredOutput"], value)
        self.assertEqual(len(self.anthropic.received(self.name)), 2)

    def test_effort(self) -> None:
        """The effort is asked for."""
        asked = self.asked(effort="max", model="opus")
        self.assertEqual(asked["output_config"]["effort"], "max")

    def test_refused(self) -> None:
        """What is wrong with a request is told by the field's name, and nothing runs."""
        for field, value in (
            ("effort", "huge"),
            ("outputFormat", "xml"),
            ("jsonSchema", '{"type": "nonsense"}'),
            ("jsonSchema", "no JSON"),
            ("mcpConfig", {"servers": {}}),
            ("maxTurns", 0),
            ("timeoutSeconds", -1),
            ("allowedTools", "Bash"),
            ("noContinue", "yes"),
            ("promt", "hello"),
        ):
            answer = self.server.run("hello", self.name, **{field: value})
            self.assertEqual(answer.status, 422, (field, answer.body))
            self.assertIn(field, answer.value["detail"])
        answer = self.server.call("POST", "/run", {"workspace": self.name})
        self.assertEqual(answer.status, 422)
        self.assertIn("prompt", answer.value["detail"])
        self.assertFalse(self.folder.exists())

    def test_allowed_tools(self) -> None:
        """Only what is allowed is done."""
        refused = UseTool("Bash", {"command": "touch refused", "description": "x"})
        allowed = UseTool("Bash", {"command": "echo fine", "description": "x"})
        self.anthropic.script(self.name, refused, allowed, Say("Done."))
        result = self.run_it(allowedTools=["Bash(echo:*)"], outputFormat="json-verbose")
        given = [t["content"][0] for t in result["turns"] if t["role"] == "tool_result"]
        self.assertEqual([block["isError"] for block in given], [True, False])
        self.assertEqual(given[1]["content"], "fine")
        self.assertFalse((self.folder / "refused").exists())
        self.assertEqual(result["permissionDenials"][0]["toolName"], "Bash")

    def test_disallowed_tools(self) -> None:
        """What is not allowed is not even offered."""
        self.assertIn("Bash", tool_names(self.asked()))
        names = tool_names(self.asked(disallowedTools=["Bash", "Write"]))
        self.assertNotIn("Bash", names)
        self.assertNotIn("Write", names)
        self.assertIn("Read", names)

    def test_max_turns(self) -> None:
        """A run that needs more turns than it may have is a failure that says so."""
        again = UseTool("Bash", {"command": "true", "description": "x"})
        self.anthropic.script(self.name, Always(again))
        answer = self.server.run(self.name, self.name, maxTurns=2)
        self.assertEqual(answer.status, 502)
        self.assertEqual(answer.value["result"]["subtype"], "error_max_turns")
        self.assertEqual(answer.value["exitCode"], 1)
        self.assertEqual(len(self.anthropic.received(self.name)), 2)

    def test_mcp_config(self) -> None:
        """The tools of an MCP server are offered and work."""
        self.folder.mkdir()
        (self.folder / "greeter.py").write_text(_MCP_SERVER)
        server = {"command": sys.executable, "args": [str(self.folder / "greeter.py")]}
        use = UseTool("mcp__greeter__greet", {"who": "world"})
        self.anthropic.script(self.name, use, Say("Done."))
        config = {"mcpServers": {"greeter": server}}
        result = self.run_it(mcpConfig=config, outputFormat="json-verbose")
        self.assertIn("Greetings, world!", json.dumps(result["turns"][1]))

    def test_long_prompt(self) -> None:
        """A prompt of 200 KB arrives whole."""
        long = "ä€ words, " * 18_000
        self.assertGreater(len(long.encode()), 200_000)
        self.anthropic.script(self.name, Say("Read."))
        self.run_it(long)
        said = prompts(self.anthropic.received(self.name)[0].body)
        self.assertIn(long.strip(), said[-1])

    def test_prompt_is_no_option(self) -> None:
        """A prompt that looks like an option, a command or a shell's syntax is a prompt."""
        prompt = f"--help $(touch made) ; `touch made` {self.name}"
        self.anthropic.script(self.name, Say("Read."))
        self.assertEqual(self.server.run(prompt, self.name).value["result"], "Read.")
        self.assertEqual(prompts(self.anthropic.received(self.name)[0].body), [prompt])
        self.assertFalse((self.folder / "made").exists())

    def test_environment(self) -> None:
        """A run sees its account and no other secret of the server's."""
        environment = self.server.run("RUN: env", self.name, outputFormat="json-verbose").value
        seen = environment["turns"][1]["content"][0]["content"]
        self.assertIn(f"PWD={self.folder}", seen)
        self.assertIn("AIGATE_RUN_ID=" + environment["runId"], seen)
        for secret in ("LITELLM_MASTER_KEY", "CLAUDEBOX_API_TOKEN", "ZAI", "DATA_DIR"):
            self.assertNotIn(secret, seen)


class SessionTests(ClaudeboxTestCase):
    """Which conversation a run is part of."""

    def say(self, workspace: str, text: str, **fields: Any) -> tuple[list[str], str]:
        """All that the user has said in the conversation that a prompt is part of, and its id."""
        marker = f"{self.name} {text}"
        self.anthropic.script(marker, Say(f"Answer to {text}."))
        answer = self.server.run(marker, workspace, **fields)
        self.assertEqual(answer.status, 200, answer.body)
        said = prompts(self.anthropic.received(marker)[-1].body)
        texts = [text.removeprefix(self.name).strip() for text in said]
        return texts, answer.value["sessionId"]

    def test_continues(self) -> None:
        """A run goes on where the workspace's last one ended, unless C{noContinue} is set."""
        said, first = self.say(self.name, "one")
        self.assertEqual(said, ["one"])
        self.assertEqual(self.say(self.name, "two"), (["one", "two"], first))
        said, second = self.say(self.name, "three", noContinue=True)
        self.assertEqual(said, ["three"])
        self.assertNotEqual(first, second)
        self.assertEqual(self.say(self.name, "four"), (["three", "four"], second))

    def test_resume(self) -> None:
        """C{resume} goes on with the session that is named."""
        _, first = self.say(self.name, "one")
        self.say(self.name, "two", noContinue=True)
        self.assertEqual(self.say(self.name, "three", resume=first), (["one", "three"], first))

    def test_resume_of_nothing(self) -> None:
        """A session that is not there is a failure in Claude Code's words."""
        missing = "11111111-2222-4333-8444-555555555555"
        answer = self.server.run("hello", self.name, resume=missing)
        self.assertEqual((answer.status, answer.value["exitCode"]), (502, 1))
        self.assertIn(missing, json.dumps(answer.value))

    def test_alike(self) -> None:
        """Workspaces whose names Claude Code would take for one have conversations of their own."""
        nested, flat = f"{self.name}/b", f"{self.name}-b"
        _, session = self.say(nested, "one")
        said, other = self.say(flat, "two")
        self.assertEqual(said, ["two"])
        self.assertNotEqual(session, other)
        self.assertEqual(self.say(nested, "three"), (["one", "three"], session))
