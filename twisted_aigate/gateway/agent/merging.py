"""The events of several turns of the Responses API as those of one response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define

from twisted_aigate.gateway.agent.body import Pipe
from twisted_aigate.gateway.agent.calling import Called, Outcome
from twisted_aigate.gateway.agent.functions import Offer, Offered
from twisted_aigate.gateway.responses.events import encoded
from twisted_aigate.gateway.responses.mcp import call_item, failure, list_item

_ARGUMENTS = "response.function_call_arguments."
_BEGINS = ("response.created", "response.queued", "response.in_progress")
_ENDS = ("response.completed", "response.incomplete", "response.failed")


@define
class Ours:
    """
    A call of a tool of ours.

    @ivar tool: The tool.
    @ivar item: The item that tells of it.
    @ivar index: Its place in the output.
    @ivar call_id: The model's id of it.
    """

    tool: Offered
    item: dict[str, Any]
    index: int
    call_id: str

    def called(self) -> Called:
        """The call, to be run."""
        return Called(self.call_id, self.tool, self.item["arguments"])


class Merging:
    """
    A response in the making.

    @param offer: The tools that the model may call.
    @param fields: What of the response is as the caller's request has it.
    @param pipe: The way to the caller.
    @ivar output: Its items; of those that are not over what there is.
    @ivar ended: The response of the turn, if that is over.
    @ivar error: What is wrong with the turn, if anything is.
    @ivar ours: The calls of our tools in this turn.
    """

    def __init__(self, offer: Offer, fields: dict[str, Any], pipe: Pipe) -> None:
        self.output: list[dict[str, Any]] = []
        self.ended: dict[str, Any] | None = None
        self.error: str | None = None
        self.ours: dict[int, Ours] = {}
        self._offer = offer
        self._fields = fields
        self._pipe = pipe
        self._number = 0
        self._base = 0
        self._turns = 0
        self._listed = False

    def begin_turn(self) -> None:
        """Another turn begins."""
        self._base = len(self.output)
        self._turns += 1
        self.ended, self.error, self.ours = None, None, {}

    @property
    def turn(self) -> Sequence[dict[str, Any]]:
        """The items of this turn."""
        return self.output[self._base :]

    def say(self, kind: str, **fields: Any) -> None:
        """Tell the caller."""
        self._pipe.write(encoded(kind, fields, self._number))
        self._number += 1

    def take(self, event: dict[str, Any]) -> None:
        """Take an event of a turn."""
        kind = event.pop("type")
        event.pop("sequence_number", None)
        if kind in _BEGINS:
            self._begun(kind, event)
            return
        if kind == "error":
            self.error = event.get("message") or "The provider's stream broke off."
            return
        if not self._listed:
            self.list_tools()
        if kind in _ENDS:
            self._end(event["response"])
            return
        if "output_index" in event:
            event["output_index"] += self._base
        self._passed(kind, event)

    def _begun(self, kind: str, event: dict[str, Any]) -> None:
        if self._turns == 1:
            response = event["response"]
            # All turns are one response: the first's.
            self._fields |= {name: response[name] for name in ("id", "created_at")}
            self.say(kind, response=self.response(response))

    def _end(self, response: dict[str, Any]) -> None:
        self.ended = response
        if response["status"] == "failed":
            self.error = (response.get("error") or {}).get("message") or "The model failed."

    def response(self, response: dict[str, Any]) -> dict[str, Any]:
        """A turn's response as the caller is told it: the whole answer's."""
        theirs = [
            tool
            for tool in response.get("tools") or ()
            if self._offer.find(tool.get("name")) is None
        ]
        tools = [*theirs, *(each.listed for each in self._offer.wanted)]
        return {**response, **self._fields, "tools": tools, "output": self.output}

    def list_tools(self) -> None:
        """Tell which tools there are."""
        self._listed = True
        for wanted, tools in zip(self._offer.wanted, self._offer.tools, strict=True):
            item = list_item(wanted.label, [])
            place = {"item_id": item["id"], "output_index": len(self.output)}
            self._add(place["output_index"], item)
            self.say("response.mcp_list_tools.in_progress", **place)
            item = {**item, "tools": [_listed(each) for each in tools]}
            self.say("response.mcp_list_tools.completed", **place)
            self._done(place["output_index"], item)
        self._base = len(self.output)

    def _passed(self, kind: str, event: dict[str, Any]) -> None:
        index = event.get("output_index", -1)
        if kind == "response.output_item.added":
            self._added(index, event["item"])
        elif kind == "response.output_item.done":
            self._over(index, event["item"])
        elif index in self.ours and kind.startswith(_ARGUMENTS):
            event["item_id"] = self.ours[index].item["id"]
            self.say(f"response.mcp_call_arguments.{kind.removeprefix(_ARGUMENTS)}", **event)
        else:
            self.say(kind, **event)

    def _added(self, index: int, item: dict[str, Any]) -> None:
        tool = self._offer.find(item.get("name")) if item["type"] == "function_call" else None
        if tool is None:
            self._add(index, item)
            return
        made = call_item(tool.label, tool.function)
        self.ours[index] = Ours(tool, made, index, item["call_id"])
        self._add(index, made)
        self.say("response.mcp_call.in_progress", item_id=made["id"], output_index=index)

    def _over(self, index: int, item: dict[str, Any]) -> None:
        ours = self.ours.get(index)
        if ours is None:
            self._done(index, item)
        else:
            # It is over when it has been run.
            ours.item["arguments"] = item["arguments"]

    def _add(self, index: int, item: dict[str, Any]) -> None:
        self.output[index:] = [item]
        self.say("response.output_item.added", output_index=index, item=item)

    def _done(self, index: int, item: dict[str, Any]) -> None:
        self.output[index : index + 1] = [item]
        self.say("response.output_item.done", output_index=index, item=item)

    def ran(self, called: Called, outcome: Outcome) -> None:
        """A call has been run."""
        # Of calls that share an id, each is told of once.
        ours = next(
            each
            for each in self.ours.values()
            if each.call_id == called.id and each.item["status"] == "in_progress"
        )
        status = "failed" if outcome.is_error else "completed"
        said = {"error": failure(outcome.text)} if outcome.is_error else {"output": outcome.text}
        ours.item |= {"status": status, **said}
        place = {"item_id": ours.item["id"], "output_index": ours.index}
        self.say(f"response.mcp_call.{status}", **place)
        self._done(ours.index, ours.item)

    def leave(self) -> None:
        """The calls of this turn are not run."""
        for ours in self.ours.values():
            ours.item["status"] = "incomplete"
            self._done(ours.index, ours.item)


def _listed(offered: Offered) -> dict[str, Any]:
    spec = offered.spec
    return {
        "name": offered.function,
        "description": spec.description,
        "input_schema": dict(spec.input_schema),
        "annotations": spec.more.get("annotations"),
    }
