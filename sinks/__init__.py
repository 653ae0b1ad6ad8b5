"""Sinks: write facts to stores for analysis."""
