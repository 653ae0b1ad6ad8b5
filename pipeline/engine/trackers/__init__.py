"""Trackers: values of a customer over the last days."""
