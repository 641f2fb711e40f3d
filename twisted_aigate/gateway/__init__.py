"""The gateway: OpenAI's API in front of any model, in this process or at a provider."""
