"""The gateway's benchmark: aigate beside LiteLLM's proxy and a bare nginx."""
