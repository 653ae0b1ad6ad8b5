"""The languages that intake reads, one module each; `registry` lists them by name."""
