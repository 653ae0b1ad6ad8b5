"""Merging: two customers who are the same person become one."""
