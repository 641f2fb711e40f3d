"""OpenAI's chat protocol in front of Claude Code: requests to runs, runs' lines to answers."""
