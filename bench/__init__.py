"""Benchmarks that compare two sides on the same data in one run: ``python -m bench.NAME``."""
