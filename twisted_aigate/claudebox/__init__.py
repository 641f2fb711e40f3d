"""Claude Code behind HTTP: runs, their workspaces and files."""
