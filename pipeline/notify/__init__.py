"""Notifications: facts rendered in the envelopes that downstream systems expect."""
