"""What is loaded before anyone speaks MCP."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

_PROGRAM = """
import sys, twisted_aigate.platform
print([name for name in ("pydantic", "mcp_types") if name in sys.modules])
"""


class LoadingTests(SynchronousTestCase):
    """A server that nobody speaks MCP with."""

    def test_the_protocol_s_models_are_not_loaded(self) -> None:
        """They cost 30 MB and half a second."""
        ended = subprocess.run(
            [sys.executable, "-c", _PROGRAM], capture_output=True, check=True, text=True
        )
        self.assertEqual(ended.stdout, "[]\n")
