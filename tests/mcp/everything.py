"""
A server that offers something of everything: the fixtures of the official conformance suite.

Run as a program it listens on a free port of loopback, and prints its URL.

Source: https://github.com/modelcontextprotocol/conformance
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from mcp_types import (
    Completion,
    CompletionArgument,
    CreateMessageRequestParams,
    ElicitRequestFormParams,
    GetPromptResult,
    Implementation,
    Prompt,
    PromptReference,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    ResourceTemplateReference,
)
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_aigate.interfaces import (
    ToolCaller,
    ToolContext,
    ToolError,
    ToolResult,
    ToolSpec,
    UnknownTool,
)
from twisted_aigate.mcp.announcements import Change
from twisted_aigate.mcp.context import Context
from twisted_aigate.mcp.endpoint import Endpoint
from twisted_aigate.mcp.errors import MCPError, invalid_params
from twisted_aigate.mcp.origins import Origins
from twisted_aigate.mcp.routes import mcp_routes, render_mcp_error
from twisted_aigate.mcp.server import MCPServer
from twisted_aigate.web.proxies import ClientAddresses
from twisted_aigate.web.request import Request
from twisted_aigate.web.site import Site, Tree

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8"
    "z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
_PAUSE = 0.05
_NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}
_ADDRESS = {
    "type": "object",
    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
}
_SCHEMA_2020 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": _ADDRESS},
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "additionalProperties": False,
}
_DEFAULTS = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
_OPTIONS = ["option1", "option2", "option3"]
_TITLED = [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)]
_ENUMS = {
    "untitledSingle": {"type": "string", "enum": _OPTIONS},
    "titledSingle": {"type": "string", "oneOf": _TITLED},
    "legacyEnum": {
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": _OPTIONS}},
    "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
}
_PERSON = {
    "username": {"type": "string", "description": "User's response"},
    "email": {"type": "string", "description": "User's email address"},
}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def image() -> dict[str, Any]:
    return {"type": "image", "data": PNG, "mimeType": "image/png"}


def embedded(uri: str, kind: str, value: str) -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": value}}


def _takes(*names: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": list(names),
    }


class EverythingTools:
    """
    The tools.

    @ivar forgotten: The sessions that are over.
    @ivar cancelled: The tools whose calls were cancelled.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.forgotten: list[str] = []
        self.cancelled: list[str] = []
        self._schemas = {
            name.removeprefix("_do_"): _NO_ARGUMENTS for name in dir(self) if name[:4] == "_do_"
        }
        self._schemas |= {
            "test_sampling": _takes("prompt"),
            "test_elicitation": _takes("message"),
            "json_schema_2020_12_tool": _SCHEMA_2020,
        }

    async def tools(self, caller: ToolCaller) -> Sequence[ToolSpec]:
        return [
            ToolSpec(name, f"The fixture {name}", schema) for name, schema in self._schemas.items()
        ]

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        tool = getattr(self, f"_do_{name}", None)
        if tool is None:
            raise UnknownTool(name)
        assert isinstance(context, Context)
        try:
            made = await tool(arguments, context)
        except MCPError as error:
            raise ToolError(error.message) from None
        return ToolResult(made if isinstance(made, list) else [made])

    def forget(self, session: str) -> None:
        self.forgotten.append(session)

    def _pause(self, seconds: float = _PAUSE) -> Any:
        return deferLater(self._clock, seconds)

    async def _do_json_schema_2020_12_tool(self, arguments: Any, context: Context) -> Any:
        return text(json.dumps(arguments))

    async def _do_test_simple_text(self, arguments: Any, context: Context) -> Any:
        return text("This is a simple text response for testing.")

    async def _do_test_image_content(self, arguments: Any, context: Context) -> Any:
        return image()

    async def _do_test_audio_content(self, arguments: Any, context: Context) -> Any:
        return {"type": "audio", "data": WAV, "mimeType": "audio/wav"}

    async def _do_test_embedded_resource(self, arguments: Any, context: Context) -> Any:
        return embedded(
            "test://embedded-resource", "text/plain", "This is an embedded resource content."
        )

    async def _do_test_multiple_content_types(self, arguments: Any, context: Context) -> Any:
        data = json.dumps({"test": "data", "value": 123})
        mixed = embedded("test://mixed-content-resource", "application/json", data)
        return [text("Multiple content types test:"), image(), mixed]

    async def _do_test_tool_with_logging(self, arguments: Any, context: Context) -> Any:
        context.log("info", "Tool execution started")
        await self._pause()
        context.log("info", "Tool processing data")
        await self._pause()
        context.log("info", "Tool execution completed")
        return text("Logged.")

    async def _do_test_error_handling(self, arguments: Any, context: Context) -> Any:
        raise ToolError("This tool intentionally returns an error for testing")

    async def _do_test_tool_with_progress(self, arguments: Any, context: Context) -> Any:
        context.progress(0, 100)
        await self._pause()
        context.progress(50, 100)
        await self._pause()
        context.progress(100, 100)
        return text("Done.")

    async def _do_test_sampling(self, arguments: Any, context: Context) -> Any:
        message = {"role": "user", "content": text(arguments["prompt"])}
        asked = {"messages": [message], "maxTokens": 100}
        answered = await context.sample(CreateMessageRequestParams.model_validate(asked))
        return text(f"LLM response: {answered.model_dump(mode='json')['content']['text']}")

    async def _do_test_elicitation(self, arguments: Any, context: Context) -> Any:
        answered = await self._elicit(context, arguments["message"], _PERSON, list(_PERSON))
        return text(f"User response: {answered}")

    async def _do_test_elicitation_sep1034_defaults(self, arguments: Any, context: Context) -> Any:
        return text(await self._elicit(context, "Fill this in", _DEFAULTS))

    async def _do_test_elicitation_sep1330_enums(self, arguments: Any, context: Context) -> Any:
        return text(await self._elicit(context, "Choose", _ENUMS))

    async def _elicit(
        self, context: Context, message: str, fields: Any, required: Sequence[str] = ()
    ) -> str:
        schema = {"type": "object", "properties": fields, "required": list(required)}
        asked = {"message": message, "requestedSchema": schema}
        answered = await context.elicit(ElicitRequestFormParams.model_validate(asked))
        content = json.dumps(answered.content)
        return f"Elicitation completed: action={answered.action}, content={content}"

    async def _do_test_reconnection(self, arguments: Any, context: Context) -> Any:
        context.hang_up()
        await self._pause()
        return text("Reconnection test completed successfully")

    async def _do_wait(self, arguments: Any, context: Context) -> Any:
        """Until it is cancelled."""
        context.progress(1)
        try:
            await self._pause(3600)
        finally:
            self.cancelled.append("wait")


class EverythingResources:
    """The resources."""

    async def resources(self) -> Sequence[Resource]:
        names = ("static-text", "static-binary", "watched-resource")
        return [
            Resource(uri=f"test://{name}", name=name, description=f"The fixture {name}")
            for name in names
        ]

    async def templates(self) -> Sequence[ResourceTemplate]:
        template = "test://template/{id}/data"
        return [ResourceTemplate(uri_template=template, name="template", description="A template")]

    async def read(self, uri: str, context: Context) -> ReadResourceResult:
        found: dict[str, str]
        if uri == "test://static-text":
            content = "This is the content of the static text resource."
            found = {"mimeType": "text/plain", "text": content}
        elif uri == "test://static-binary":
            found = {"mimeType": "image/png", "blob": PNG}
        elif uri.startswith("test://template/"):
            id = uri.split("/")[3]
            data = {"id": id, "templateTest": True, "data": f"Data for ID: {id}"}
            found = {"mimeType": "application/json", "text": json.dumps(data)}
        else:
            raise invalid_params(f"There is no resource {uri}")
        return ReadResourceResult.model_validate({"contents": [{"uri": uri, **found}]})


class EverythingPrompts:
    """The prompts, and what their arguments could be."""

    _ARGUMENTS = {
        "test_simple_prompt": (),
        "test_prompt_with_arguments": ("arg1", "arg2"),
        "test_prompt_with_embedded_resource": ("resourceUri",),
        "test_prompt_with_image": (),
    }

    async def prompts(self) -> Sequence[Prompt]:
        return [
            Prompt.model_validate(
                {
                    "name": name,
                    "description": f"The fixture {name}",
                    "arguments": [{"name": given, "required": True} for given in arguments],
                }
            )
            for name, arguments in self._ARGUMENTS.items()
        ]

    async def get(
        self, name: str, arguments: Mapping[str, str], context: Context
    ) -> GetPromptResult:
        if name not in self._ARGUMENTS:
            raise invalid_params(f"There is no prompt {name}")
        missing = set(self._ARGUMENTS[name]) - set(arguments)
        if missing:
            raise invalid_params(f"Missing arguments: {', '.join(sorted(missing))}")
        blocks = {
            "test_simple_prompt": lambda: [text("This is a simple prompt for testing.")],
            "test_prompt_with_arguments": lambda: [
                text(
                    f"Prompt with arguments: arg1='{arguments['arg1']}', arg2='{arguments['arg2']}'"
                )
            ],
            "test_prompt_with_embedded_resource": lambda: [
                embedded(
                    arguments["resourceUri"],
                    "text/plain",
                    "Embedded resource content for testing.",
                ),
                text("Please process the embedded resource above."),
            ],
            "test_prompt_with_image": lambda: [image(), text("Please analyze the image above.")],
        }[name]()
        messages = [{"role": "user", "content": block} for block in blocks]
        return GetPromptResult.model_validate({"messages": messages})

    async def complete(
        self, ref: PromptReference | ResourceTemplateReference, argument: CompletionArgument
    ) -> Completion:
        known = ("paris", "park", "party", "testing")
        values = [word for word in known if word.startswith(argument.value)]
        return Completion(values=values, total=len(values), has_more=False)


class Everything:
    """
    The server on an endpoint.

    @ivar tools: Its tools.
    @ivar server: The server.
    @ivar endpoint: The endpoint, at C{/mcp}.
    @ivar site: What serves it.
    """

    def __init__(self, clock: IReactorTime, most_sessions: int = 1000, idle: float = 1800) -> None:
        self.tools = EverythingTools(clock)
        prompts = EverythingPrompts()
        info = Implementation(name="everything", version="1")
        self.server = MCPServer(
            info, self.tools, EverythingResources(), prompts, prompts, "Use it to test."
        )
        self.endpoint = Endpoint(self.server, clock, most_sessions, idle)
        router = mcp_routes(self._endpoint, "/mcp", _anyone, Origins(()), 0)
        tree = Tree(b"", router, render_mcp_error, None, frozenset(), 600.0)
        self.site = Site([tree], ClientAddresses(()), clock)

    async def _endpoint(self) -> Endpoint:
        return self.endpoint

    def change(self, change: Change) -> None:
        """Tell clients that something has changed."""
        self.server.announcements.tell(change)


def _anyone(request: Request) -> ToolCaller:
    return ToolCaller(request.client_address)


def _main() -> None:
    from twisted.internet import reactor
    from twisted.logger import globalLogBeginner, textFileLogObserver

    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    port = reactor.listenTCP(0, Everything(reactor).site, interface="127.0.0.1")  # type: ignore
    sys.stdout.write(f"http://127.0.0.1:{port.getHost().port}/mcp\n")
    sys.stdout.flush()
    reactor.run()  # type: ignore


if __name__ == "__main__":
    _main()
