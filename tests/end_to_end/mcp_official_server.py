"""
A server of the official SDK, as a program: C{stdio}, or C{sse} or C{streamable-http} and a port.

It answers only who has the key C{KEY}, over HTTP, and has C{WORD} out of its environment.
"""

import os
import sys
from typing import Any

KEY = "external-key-0123456789"


def main(transport: str, port: int) -> None:
    """Serve."""
    from mcp.server.mcpserver import Context, MCPServer

    server = MCPServer("official")

    @server.tool()
    def add(a: int, b: int) -> int:
        """Adds."""
        return a + b

    @server.tool()
    def word() -> str:
        """Out of the environment."""
        return os.environ.get("WORD", "none") + os.environ.get("LITELLM_MASTER_KEY", "")

    @server.tool()
    async def count(context: Context) -> str:
        """Tells how far it has come."""
        for done in (1, 2):
            await context.report_progress(done, 2, f"at {done}")
        return "counted"

    @server.tool()
    def end() -> str:
        """Ends the server."""
        os._exit(3)

    if transport == "stdio":
        server.run("stdio")
        return
    import uvicorn

    app: Any = server.sse_app() if transport == "sse" else server.streamable_http_app()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        fields = dict(scope.get("headers", ()))
        if scope["type"] == "http" and fields.get(b"authorization") != f"Bearer {KEY}".encode():
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b"no key"})
            return
        await app(scope, receive, send)

    uvicorn.run(guarded, host="127.0.0.1", port=port, log_level="error")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
