"""
Anthropic's Messages API in front of any chat model.

Side by side: L{conversation}, L{tools} and L{request} make a chat request; L{message} and L{events}
make of its answer, whole or streamed, what the Messages API would say. L{service} joins them.
Source: https://docs.anthropic.com/en/api/messages
"""
