"""What families share of the engine that decides whole batches: arrays of midpoint-radius numbers (`midrad`)."""
