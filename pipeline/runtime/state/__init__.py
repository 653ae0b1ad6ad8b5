"""State of a partition: its local store, the changelog that restores it, and the marker that ties it to an offset."""
