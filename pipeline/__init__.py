"""Accrue's pipeline: a pure engine in an imperative shell."""
