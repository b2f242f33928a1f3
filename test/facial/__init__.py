"""Tests of the package that Python programs and the command line use."""
