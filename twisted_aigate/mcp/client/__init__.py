"""A client of other MCP servers: over streamable HTTP, over HTTP with SSE, and over pipes."""
