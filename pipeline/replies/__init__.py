"""Replies: the outcome of a record, for its sender."""
