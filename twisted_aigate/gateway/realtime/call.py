"""What a caller asks a conversation with; no HTTP."""

from __future__ import annotations

from urllib.parse import urlencode

from attrs import frozen


@frozen
class RealtimeCall:
    """
    A call for a conversation.

    @ivar model: The model's name as the caller wrote it.
    @ivar query: The query's fields, such as C{intent}.
    @ivar headers: The caller's own header fields that belong to the API.
    """

    model: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def target(self, path: str, *own: tuple[str, str]) -> bytes:
        """
        The target of a provider's API.

        @param own: The query's fields in place of the caller's own.
        """
        names = {"model", *(name for name, _ in own)}
        fields = [*own, *(field for field in self.query if field[0] not in names)]
        return f"{path}?{urlencode(fields)}".encode("ascii")
