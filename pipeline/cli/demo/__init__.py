"""The demo: a generated year of customers, streamed through the whole product and shown while it runs."""
