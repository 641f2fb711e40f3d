"""
Searching the web by a SearXNG.

Source: https://docs.searxng.org/dev/search_api.html
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct

from twisted_aigate.http_client import HTTPClient, OutgoingRequest, UpstreamError
from twisted_aigate.http_client.messages import split_url
from twisted_aigate.interfaces import ToolContext, ToolError
from twisted_aigate.kernel.units import MB, SECOND
from twisted_aigate.toolbox import Toolbox

_TIMEOUT = 30 * SECOND
_MOST = 8 * MB


class Search(Struct, forbid_unknown_fields=True):
    """
    The arguments of C{search_web}.

    @ivar query: What is looked for.
    @ivar count: How many results are wanted.
    @ivar language: Such as en or de.
    @ivar time_range: How old they may be.
    @ivar page: Which page of the results.
    """

    query: Annotated[str, Meta(min_length=1, max_length=1000)]
    count: Annotated[int, Meta(ge=1, le=50)] = 10
    language: str | None = None
    time_range: Literal["day", "month", "year"] | None = None
    page: Annotated[int, Meta(ge=1, le=100)] = 1


class Found(Struct):
    """
    A page that was found.

    @ivar content: What it says there.
    """

    title: str = ""
    url: str = ""
    content: str | None = None


class Results(Struct):
    """What C{search_web} answers."""

    results: list[Found]


_decoder = msgspec.json.Decoder(Results)


class WebSearch:
    """
    Searches.

    @param client: Makes calls.
    @param url: Where the SearXNG is.
    """

    def __init__(self, client: HTTPClient, url: str) -> None:
        self._client = client
        self._origin, self._path = split_url(url)

    def add_to(self, tools: Toolbox) -> None:
        """Add its tool."""
        tools.add(
            "search_web", "Search the web.", Search, self._search, Results,
            readOnlyHint=True, openWorldHint=True,
        )  # fmt: skip

    async def _search(self, asked: Search, context: ToolContext) -> Results:
        fields = {
            "q": asked.query,
            "format": "json",
            "language": asked.language,
            "time_range": asked.time_range,
            "pageno": asked.page,
        }
        query = urlencode({name: value for name, value in fields.items() if value is not None})
        accept = (b"Accept", b"application/json")
        target = f"{self._path}/search?{query}".encode("ascii")
        try:
            response = await self._client.request(
                self._origin, OutgoingRequest(b"GET", target, (accept,)), _TIMEOUT
            )
            body = await response.read(_MOST)
        except UpstreamError as error:
            raise ToolError(f"The search cannot be reached: {error}.") from None
        if response.status != 200:
            # 403: its settings do not have the format json.
            raise ToolError(f"The search answers {response.status}.")
        try:
            found = _decoder.decode(body)
        except msgspec.DecodeError:
            raise ToolError("The search answers what is no list of results.") from None
        return Results(found.results[: asked.count])
