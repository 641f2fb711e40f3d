"""
The gateway as agent: it runs the tools that a model calls, until the model answers.

Source: https://platform.openai.com/docs/guides/tools-connectors-mcp and
https://docs.litellm.ai/docs/mcp
"""
