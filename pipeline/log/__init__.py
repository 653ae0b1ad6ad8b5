"""The log behind one small port, with two adapters: kafka and embedded."""
