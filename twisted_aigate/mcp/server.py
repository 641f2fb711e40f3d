"""A server: what it offers, and how it answers each method of the protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp_types import (
    CallToolRequest,
    CallToolResult,
    CompleteRequest,
    CompleteResult,
    CompletionsCapability,
    DiscoverResult,
    EmptyResult,
    GetPromptRequest,
    GetPromptResult,
    Implementation,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    LoggingCapability,
    PaginatedRequest,
    PromptsCapability,
    ReadResourceRequest,
    ReadResourceResult,
    Request,
    ResourcesCapability,
    Result,
    ServerCapabilities,
    Tool,
    ToolsCapability,
)
from mcp_types.methods import parse_client_request, serialize_server_result
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError
from twisted.logger import Logger

from twisted_aigate.interfaces import (
    ToolError,
    ToolResult,
    ToolSource,
    ToolSpec,
    UnknownTool,
)
from twisted_aigate.mcp.announcements import Announcements
from twisted_aigate.mcp.context import Context
from twisted_aigate.mcp.errors import invalid_params, method_not_found, wrong_params
from twisted_aigate.mcp.features import Completions, Prompts, Resources
from twisted_aigate.mcp.listening import listen
from twisted_aigate.mcp.messages import plain

_Handler = Callable[[Any, Context], Awaitable[Result]]


class MCPServer:
    """
    A server.

    @param info: What it is.
    @ivar tools: Its tools; C{None}: it has none.
    @param resources: Its resources; C{None}: it has none.
    @param prompts: Its prompts; C{None}: it has none.
    @param completions: What it completes; C{None}: nothing.
    @ivar instructions: What a model should know of it.
    @ivar announcements: Tells its clients what changes.
    """

    _log = Logger()

    def __init__(
        self,
        info: Implementation,
        tools: ToolSource | None = None,
        resources: Resources | None = None,
        prompts: Prompts | None = None,
        completions: Completions | None = None,
        instructions: str | None = None,
        announcements: Announcements | None = None,
    ) -> None:
        self.info = info
        self.tools = tools
        self.instructions = instructions
        self.announcements = Announcements() if announcements is None else announcements
        self._resources = resources
        self._prompts = prompts
        self._completions = completions
        self._handlers: dict[str, _Handler] = {
            "ping": self._ping,
            "server/discover": self._discover,
            "subscriptions/listen": lambda request, context: listen(
                self.announcements, request.params, context
            ),
        }
        if tools is not None:
            self._handlers["tools/list"] = self._list_tools
            self._handlers["tools/call"] = self._call_tool
        if resources is not None:
            self._handlers["resources/list"] = self._list_resources
            self._handlers["resources/templates/list"] = self._list_templates
            self._handlers["resources/read"] = self._read_resource
        if prompts is not None:
            self._handlers["prompts/list"] = self._list_prompts
            self._handlers["prompts/get"] = self._get_prompt
        if completions is not None:
            self._handlers["completion/complete"] = self._complete

    @property
    def capabilities(self) -> ServerCapabilities:
        """What it offers, as the protocol has it."""
        changes = True
        return ServerCapabilities(
            tools=None if self.tools is None else ToolsCapability(list_changed=changes),
            resources=None
            if self._resources is None
            else ResourcesCapability(subscribe=True, list_changed=changes),
            prompts=None if self._prompts is None else PromptsCapability(list_changed=changes),
            completions=None if self._completions is None else CompletionsCapability(),
            logging=LoggingCapability(),
        )

    @property
    def has_resources(self) -> bool:
        """Whether there is something to subscribe to."""
        return self._resources is not None

    async def handle(
        self, method: str, params: Mapping[str, Any] | None, context: Context
    ) -> dict[str, Any]:
        """
        Answer a request.

        @return: Its result, as its revision has it.
        @raise MCPError: It is refused.
        """
        request = parsed(method, context.version, params)
        handler = self._handlers.get(method)
        if handler is None:
            raise method_not_found(method)
        answered = await handler(request, context)
        return serialised(method, context.version, answered)

    # Of every server.

    async def _ping(self, request: Request[Any, Any], context: Context) -> Result:
        return EmptyResult()

    async def _discover(self, request: Request[Any, Any], context: Context) -> Result:
        return DiscoverResult(
            supported_versions=list(MODERN_PROTOCOL_VERSIONS),
            capabilities=self.capabilities,
            instructions=self.instructions,
        )

    # Tools.

    async def _list_tools(self, request: PaginatedRequest[Any], context: Context) -> Result:
        assert self.tools is not None
        _only_page(request)
        specs = await self.tools.tools(context.caller)
        return ListToolsResult(tools=[_tool(spec) for spec in specs])

    async def _call_tool(self, request: CallToolRequest, context: Context) -> Result:
        assert self.tools is not None
        name, arguments = request.params.name, request.params.arguments or {}
        try:
            answered = await self.tools.call(name, arguments, context)
        except UnknownTool:
            raise invalid_params(f"Unknown tool: {name}") from None
        except ToolError as error:
            return _failed(error.message)
        return _tool_result(answered)

    # Resources.

    async def _list_resources(self, request: PaginatedRequest[Any], context: Context) -> Result:
        assert self._resources is not None
        _only_page(request)
        return ListResourcesResult(resources=list(await self._resources.resources()))

    async def _list_templates(self, request: PaginatedRequest[Any], context: Context) -> Result:
        assert self._resources is not None
        _only_page(request)
        templates = list(await self._resources.templates())
        return ListResourceTemplatesResult(resource_templates=templates)

    async def _read_resource(
        self, request: ReadResourceRequest, context: Context
    ) -> ReadResourceResult:
        assert self._resources is not None
        return await self._resources.read(str(request.params.uri), context)

    # Prompts.

    async def _list_prompts(self, request: PaginatedRequest[Any], context: Context) -> Result:
        assert self._prompts is not None
        _only_page(request)
        return ListPromptsResult(prompts=list(await self._prompts.prompts()))

    async def _get_prompt(self, request: GetPromptRequest, context: Context) -> GetPromptResult:
        assert self._prompts is not None
        given = request.params
        return await self._prompts.get(given.name, given.arguments or {}, context)

    async def _complete(self, request: CompleteRequest, context: Context) -> Result:
        assert self._completions is not None
        given = request.params
        completion = await self._completions.complete(given.ref, given.argument)
        return CompleteResult(completion=completion)


def parsed(method: str, version: str, params: Mapping[str, Any] | None) -> Request[Any, Any]:
    """
    A request, checked against its revision.

    @raise MCPError: There is no such method there, or its parameters are wrong.
    """
    try:
        return parse_client_request(method, version, params)
    except KeyError:
        raise method_not_found(method) from None
    except ValidationError as error:
        raise wrong_params(error) from None


def serialised(method: str, version: str, answered: Result) -> dict[str, Any]:
    """A result as its revision has it."""
    return serialize_server_result(method, version, plain(answered))


def _only_page(request: PaginatedRequest[Any]) -> None:
    # Everything is on the first page, so that no cursor was ever given out.
    if request.params is not None and request.params.cursor is not None:
        raise invalid_params("Invalid cursor")


def _tool(spec: ToolSpec) -> Tool:
    return Tool.model_validate(
        {
            **spec.more,
            "name": spec.name,
            "description": spec.description,
            "inputSchema": spec.input_schema,
            "outputSchema": spec.output_schema,
        }
    )


def _tool_result(answered: ToolResult) -> CallToolResult:
    return CallToolResult.model_validate(
        {
            "content": answered.content,
            "structuredContent": answered.structured,
            "isError": answered.is_error,
        }
    )


def _failed(message: str) -> CallToolResult:
    return _tool_result(ToolResult([{"type": "text", "text": message}], is_error=True))
