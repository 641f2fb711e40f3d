"""OpenAI's Realtime API: conversations over a WebSocket, passed on to a provider that speaks it."""
