"""The command line of a run, and what goes in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.command import RunFiles, command_line, contents
from twisted_aigate.claudebox.models import RunRequest, check_extras
from twisted_aigate.claudebox.sessions import Session

_FILES = RunFiles(Path("/runs/1"))
_NEW = Session("new-session", exists=False)


def line(
    session: Session = _NEW, *, prompt: str = "hi", appended: bool = False, **fields: Any
) -> list[str]:
    request = RunRequest(prompt=prompt, **fields)
    extras = check_extras(request)
    return command_line("/bin/claude", request, extras, session, _FILES, appended=appended)


def options(**fields: Any) -> list[str]:
    """What a field adds."""
    plain = line()
    more = line(**fields)
    return [option for option in more if option not in plain]


class CommandLineTests(SynchronousTestCase):
    def test_a_plain_one(self) -> None:
        self.assertEqual(
            line(),
            ["/bin/claude", "--print", "--output-format=stream-json", "--verbose",
             "--session-id=new-session", "--dangerously-skip-permissions"],
        )  # fmt: skip

    def test_a_session_that_goes_on(self) -> None:
        resumed = line(Session("old", exists=True))
        self.assertIn("--resume=old", resumed)
        self.assertNotIn("--session-id", " ".join(resumed))

    def test_each_option(self) -> None:
        for fields, wanted in (
            ({"model": "opus"}, ["--model=opus"]),
            ({"effort": "high"}, ["--effort=high"]),
            ({"max_turns": 3}, ["--max-turns=3"]),
            ({"include_partial_messages": True}, ["--include-partial-messages"]),
            ({"json_schema": '{ "type": "object" }'}, ['--json-schema={"type":"object"}']),
            ({"system_prompt": "x"}, ["--system-prompt-file=/runs/1/system-prompt"]),
            ({"system_prompt": ""}, ["--system-prompt-file=/runs/1/system-prompt"]),
            ({"appended": True}, ["--append-system-prompt-file=/runs/1/append-system-prompt"]),
            ({"mcp_config": {"mcpServers": {}}}, ["--mcp-config=/runs/1/mcp.json"]),
            ({"disallowed_tools": ["Bash", "Edit"]},
             ["--disallowedTools=Bash", "--disallowedTools=Edit"]),
            ({"disallowed_tools": []}, []),
        ):  # fmt: skip
            self.assertEqual(options(**fields), wanted, fields)  # type: ignore[arg-type]

    def test_allowed_tools_are_the_only_ones(self) -> None:
        allowed = line(allowed_tools=["Read", "Bash(git log:*)"])
        self.assertEqual(
            allowed[-3:],
            ["--permission-mode=dontAsk", "--allowedTools=Read", "--allowedTools=Bash(git log:*)"],
        )
        for tools in ([], ["Read"]):
            restricted = line(allowed_tools=tools)
            self.assertIn("--permission-mode=dontAsk", restricted)
            self.assertNotIn("--dangerously-skip-permissions", restricted)

    def test_what_does_not_go_on_the_command_line(self) -> None:
        fields = {"workspace": "ws", "output_format": "json-verbose", "no_continue": True,
                  "fire_and_forget": True, "detach": True, "timeout_seconds": 5.0}  # fmt: skip
        self.assertEqual(options(**fields), [])

    def test_values_that_look_like_options(self) -> None:
        dashed = line(
            Session("--resume", exists=True),
            prompt="--prompt",
            model="--model",
            system_prompt="-s",
            appended=True,
            json_schema={"title": "--x"},
        )
        for argument in dashed[1:]:
            self.assertRegex(argument, r"\A--[A-Za-z-]+(=.*)?\Z")
        self.assertIn("--model=--model", dashed)
        self.assertIn("--resume=--resume", dashed)

    def test_nothing_long_and_nothing_private(self) -> None:
        secret = "swordfish" * 100_000
        private = line(
            prompt=secret,
            system_prompt=secret,
            append_system_prompt=secret,
            appended=True,
            mcp_config={"mcpServers": {"a": {"env": {"KEY": secret}}}},
        )
        self.assertLess(sum(map(len, private)), 1000)
        self.assertNotIn("swordfish", " ".join(private))


class ContentsTests(SynchronousTestCase):
    def files(self, appended: str | None = None, **fields: Any) -> dict[str, str]:
        request = RunRequest(prompt="--hi\n ü", **fields)
        return {
            path.name: text
            for path, text in contents(request, check_extras(request), _FILES, appended)
        }

    def test_the_prompt_as_it_is(self) -> None:
        self.assertEqual(self.files(), {"prompt": "--hi\n ü"})

    def test_the_system_prompts(self) -> None:
        files = self.files("skills and more", system_prompt="", append_system_prompt="more")
        self.assertEqual(files["system-prompt"], "")
        self.assertEqual(files["append-system-prompt"], "skills and more")
        self.assertNotIn("append-system-prompt", self.files("", append_system_prompt=""))

    def test_mcp_servers(self) -> None:
        config = {"mcpServers": {"a": {"command": "x"}}}
        for given in (config, msgspec.json.encode(config).decode()):
            self.assertEqual(msgspec.json.decode(self.files(mcp_config=given)["mcp.json"]), config)

    def test_each_has_a_file_of_its_own(self) -> None:
        names = [_FILES.prompt, _FILES.errors, _FILES.system_prompt, _FILES.append_system_prompt,
                 _FILES.mcp_config]  # fmt: skip
        self.assertEqual(len(set(names)), 5)
        self.assertEqual({path.parent for path in names}, {_FILES.folder})
