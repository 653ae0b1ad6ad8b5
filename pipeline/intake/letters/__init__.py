"""Dead letters as a format: what one keeps of its original, and how it is read and replayed."""
