"""
Anthropic's own models, by its Messages API.

A chat becomes a message and its answer a chat's: the mirror of L{twisted_aigate.gateway.messages}.
Side by side: L{request}, L{conversation}, L{content} and L{tools} on the way out, L{answer} and
L{stream} on the way back, and L{outcome} for how both end. A call of our own Messages API is not
translated at all: L{native}.
Source: https://platform.claude.com/docs/en/api/messages
"""
