"""aigate: one process, one port, a whole AI platform."""

__version__ = "0.1.0"
