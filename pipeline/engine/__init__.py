"""The engine: pure functions that decide what a record means for one customer."""
