"""Intake: any accepted message becomes one canonical record, or an error that names every defect."""
