"""C{mcp_tools}: pictures, speech and searches, as tools of aigate's own."""
