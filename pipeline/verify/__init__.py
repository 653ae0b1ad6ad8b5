"""Verify: reads what a running system wrote, decides it again, and says what differs. It writes nothing."""
