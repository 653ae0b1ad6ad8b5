"""The dead-letter format: what is kept of the original, and how it is read and replayed."""
