"""Imports history from files of other systems as native messages."""
