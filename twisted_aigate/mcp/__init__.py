"""The Model Context Protocol: one server for all endpoints, and a client for other servers."""
