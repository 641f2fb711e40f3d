"""WebSockets (RFC 6455), whichever end of one is ours."""

from twisted_aigate.kernel.websocket.interfaces import IWebSocket, IWebSocketListener, Message

__all__ = ["IWebSocket", "IWebSocketListener", "Message"]
