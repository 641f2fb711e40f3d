"""Tools and the choice among them, as a chat has them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.models import ResponsesRequest


class Function(Struct, omit_defaults=True):
    """A function that the model may call."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    def as_chat(self) -> dict[str, Any]:
        """The function as a chat has it."""
        return {"type": "function", "function": msgspec.to_builtins(self)}

    def as_listed(self) -> dict[str, Any]:
        """The function as a response lists it."""
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
            "strict": bool(self.strict),
        }


def functions_of(request: ResponsesRequest, deployment: Deployment) -> list[Function]:
    """
    The functions among the tools.

    @param deployment: Who is to answer: with C{drop_params} other tools are left out.
    @raise GatewayError: 400: there are other tools, which OpenAI's servers run, or one is not of
        a function's form.
    """
    functions = []
    for index, tool in enumerate(request.tools or ()):
        where = f"tools[{index}]"
        kind = tool.get("type")
        if kind != "function":
            if deployment.drop_params:
                continue
            raise GatewayError(
                400,
                f"The tool {kind!r} is run by OpenAI's own servers: {deployment.model_name} is"
                " asked over chat completions, which have functions alone; drop_params leaves"
                " other tools out.",
                param=where,
                code="unsupported_tool",
            )
        try:
            functions.append(msgspec.convert(tool, Function))
        except msgspec.ValidationError as error:
            raise GatewayError(400, f"{where}: {error}.", param=where) from None
    return functions


def tool_fields(
    request: ResponsesRequest, functions: list[Function], deployment: Deployment
) -> dict[str, Any]:
    """
    The chat's fields that are about tools. Without any there is nothing to choose either.

    @param deployment: Who is to answer: with C{drop_params} a choice that a chat has not is left
        out.
    @raise GatewayError: 400: the choice is of a tool that OpenAI's servers run.
    """
    choice = request.tool_choice
    if isinstance(choice, dict):
        match choice.get("type"):
            case "function":
                name = {"name": choice.get("name")}
                choice = {"type": "function", "function": name}
            case "allowed_tools":
                allowed = [each.get("name") for each in choice.get("tools", ())]
                functions = [each for each in functions if each.name in allowed]
                choice = str(choice.get("mode", "auto"))
            case _ if deployment.drop_params:
                choice = None
            case kind:
                raise GatewayError(
                    400,
                    f"The choice of {kind!r} is for OpenAI's own servers:"
                    f" {deployment.model_name} is asked over chat completions.",
                    param="tool_choice",
                    code="unsupported_tool",
                )
    if not functions:
        return {}
    fields: dict[str, Any] = {"tools": [each.as_chat() for each in functions]}
    if choice is not None:
        fields["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_tool_calls
    return fields
