"""A trial: messages run through intake, engine and notifications in memory, without a log, a store or a clock."""
