"""The published language: records, facts, notifications and program definitions."""
