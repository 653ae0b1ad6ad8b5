"""Tiers: which one a customer has, how long it holds, and what is measured meanwhile."""
