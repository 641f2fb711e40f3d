"""What a server answered a client of the standard library."""

from __future__ import annotations

import json
from http.client import HTTPResponse
from typing import Any, Self

from attrs import frozen


@frozen
class Answer:
    """
    A response.

    @ivar fields: Its header fields, names in lower case.
    """

    status: int
    fields: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, response: HTTPResponse) -> Self:
        """Read the whole of a response."""
        fields = {name.lower(): value for name, value in response.headers.items()}
        return cls(response.status, fields, response.read())

    @property
    def value(self) -> Any:
        """Its JSON."""
        return json.loads(self.body)
