"""
Cohere's models, by version 2 of its API.

L{request} on the way out, L{answer} and L{stream} on the way back, L{outcome} for how both end;
L{embeddings} and L{rerank} both ways.
Source: https://docs.cohere.com/v2/reference/chat
"""
