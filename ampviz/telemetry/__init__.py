"""What a session shows of itself: the schema that the runtime writes and the UI reads."""
