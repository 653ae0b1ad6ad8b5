"""The `accrue` command."""
