"""Bills: which transactions are known, what each contributed where, and how much of it came back."""
