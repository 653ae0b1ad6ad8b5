"""The transactional loop: reads, decides and commits rounds, for whichever role it is given."""
