"""Replies: what became of a record, told to whoever sent it."""
