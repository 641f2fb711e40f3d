"""
A chat, as the APIs that are answered by chats see it: what is asked, and what comes.

L{twisted_aigate.gateway.messages} and L{twisted_aigate.gateway.responses} are built on it.
"""
