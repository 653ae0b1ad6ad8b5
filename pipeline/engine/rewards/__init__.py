"""Rewards of milestones and streak levels, as long as a return can take them back."""
