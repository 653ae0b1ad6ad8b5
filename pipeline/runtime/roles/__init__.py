"""What a worker does in a round: intake and loyalty."""
