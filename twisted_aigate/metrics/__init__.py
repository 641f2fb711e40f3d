"""The figures of all trees, for Prometheus."""
