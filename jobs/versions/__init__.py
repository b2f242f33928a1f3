"""Versions made from versions, and what is erased."""
