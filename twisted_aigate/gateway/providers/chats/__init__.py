"""
OpenAI's chats, taken apart and put together: for providers that speak a language of their own.

L{models} is the request as it came, L{answer} and L{stream} what is made of an answer, L{provider}
the way between them. Each provider's package has the other side.
"""
