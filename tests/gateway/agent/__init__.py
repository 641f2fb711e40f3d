"""Tests of L{twisted_aigate.gateway.agent}."""
