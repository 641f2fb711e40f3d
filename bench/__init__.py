"""Benchmarks: what aigate is measured by, and against."""
