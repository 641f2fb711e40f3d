"""
Answers that are kept, and calls that are shared while they are on their way.

Whoever asks what was asked before gets what was answered then; whoever asks what is being asked
waits for the same answer. Callers never get each other's.
Source: https://docs.litellm.ai/docs/proxy/caching
"""
