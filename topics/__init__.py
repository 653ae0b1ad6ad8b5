"""The catalog of every topic, as data."""
