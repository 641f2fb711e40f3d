"""
OpenAI's Responses API in front of any model.

Where the provider serves it, a request goes there as it came (L{native}). For all others
L{conversation}, L{tools} and L{request} make a chat request; L{output} and L{answer} make of the
chat's answer what the Responses API would say, L{events} streamed. L{kept} has the responses that
a later one may go on from. L{service} joins them.
Source: https://platform.openai.com/docs/api-reference/responses
"""
