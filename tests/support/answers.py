"""HTTP/1.1 responses taken apart, by other code than the package's own."""

from __future__ import annotations

from attrs import frozen


@frozen
class Answer:
    """
    A response.

    @ivar head: The head as it was sent.
    @ivar whole: Its body is complete; C{False} too when its end is the connection's.
    @ivar chunked: Its body came in chunks.
    """

    head: bytes
    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool
    chunked: bool

    def all(self, name: str) -> list[str]:
        """The values of the header fields of that name."""
        return [value for candidate, value in self.fields if candidate == name.lower()]

    def field(self, name: str) -> str | None:
        """The value of the only header field of that name; C{None} if there is none."""
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None


def parse_answers(data: bytes, *, to_head: bool = False) -> list[Answer]:
    """
    Take apart what a server sent on one connection.

    @param to_head: The requests were C{HEAD}: no response has a body.
    """
    answers = []
    while data:
        answer, data = _parse_one(data, to_head)
        answers.append(answer)
    return answers


def _parse_one(data: bytes, to_head: bool) -> tuple[Answer, bytes]:
    head, end, rest = data.partition(b"\r\n\r\n")
    assert end, f"a head that does not end: {data!r}"
    lines = head.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines), head
    version, status, _ = lines[0].split(b" ", 2)
    assert version == b"HTTP/1.1", lines[0]
    fields = tuple(_field(line) for line in lines[1:])
    names = dict(fields)
    chunked = names.get("transfer-encoding") == "chunked"
    code = int(status)
    if to_head or code < 200 or code in (204, 304):
        body, whole = b"", True
    elif chunked:
        assert "content-length" not in names, head
        body, whole, rest = _chunks(rest)
    elif "content-length" in names:
        length = int(names["content-length"])
        body, rest = rest[:length], rest[length:]
        whole = len(body) == length
    else:
        body, whole, rest = rest, False, b""
    return Answer(head, code, fields, body, whole, chunked), rest


def _field(line: bytes) -> tuple[str, str]:
    name, colon, value = line.decode("latin-1").partition(": ")
    assert colon, f"not a header field: {line!r}"
    return name.lower(), value


def _chunks(data: bytes) -> tuple[bytes, bool, bytes]:
    body = b""
    while True:
        size, end, rest = data.partition(b"\r\n")
        if not end:
            return body, False, b""
        length = int(size, 16)
        if length == 0:
            assert rest.startswith(b"\r\n"), rest
            return body, True, rest[2:]
        body += rest[:length]
        if len(rest) < length + 2:
            return body, False, b""
        assert rest[length : length + 2] == b"\r\n"
        data = rest[length + 2 :]
