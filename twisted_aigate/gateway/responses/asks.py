"""What is asked of a response that is kept: it, its input, its end."""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import frozen

from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.kept import KeptResponses
from twisted_aigate.gateway.responses.records import Kept

INPUT_ITEMS = "/input_items"
CANCEL = "/cancel"

USUAL_LIMIT = 20
"""Items of a page of which nothing else is said."""


@frozen
class KeptAsk:
    """
    What is asked.

    @ivar method: The HTTP method.
    @ivar response_id: Of which response.
    @ivar of: What follows the id in the path: C{INPUT_ITEMS}, C{CANCEL} or nothing.
    @ivar query: The query, as it came.
    @ivar stream: Events are asked for.
    @ivar limit: How many items a page has.
    @ivar after: The id of the last item of the page before.
    @ivar ascending: The oldest items come first.
    """

    method: bytes
    response_id: str
    of: str = ""
    query: bytes = b""
    stream: bool = False
    limit: int = USUAL_LIMIT
    after: str | None = None
    ascending: bool = False

    @property
    def deletes(self) -> bool:
        """Whether the response is to be forgotten."""
        return self.method == b"DELETE"


async def answer_kept(responses: KeptResponses, kept: Kept, ask: KeptAsk) -> Result:
    """
    Answer what is asked of a response that is kept here.

    @param responses: Where it is kept.
    @raise GatewayError: 400: it is nothing that such a response has.
    """
    if ask.deletes:
        await responses.forget(kept)
        deleted = {"id": kept.id, "object": "response", "deleted": True}
        return Result(msgspec.json.encode(deleted))
    if ask.of == INPUT_ITEMS:
        return Result(_page(kept, ask))
    if ask.of == CANCEL:
        raise GatewayError(
            400,
            "Only a response in the background can be cancelled; a job, which any call can be by"
            " POST /q/v1/responses, is by DELETE /q/__jobs/{id}.",
        )
    if ask.stream:
        raise GatewayError(
            400, "Only a response in the background can be streamed again.", param="stream"
        )
    return Result(kept.response or b"{}")


def _page(kept: Kept, ask: KeptAsk) -> bytes:
    items: list[dict[str, Any]] = msgspec.json.decode(kept.items or b"[]")
    if not ask.ascending:
        items.reverse()
    if ask.after is not None:
        places = [number for number, item in enumerate(items, 1) if item["id"] == ask.after]
        if not places:
            raise GatewayError(400, f"There is no item with the id {ask.after!r}.", param="after")
        items = items[places[0] :]
    page = items[: ask.limit]
    return msgspec.json.encode(
        {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": len(items) > len(page),
        }
    )
