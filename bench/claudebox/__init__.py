"""Claude Code as an API, beside the CLI run by hand and beside storage."""
