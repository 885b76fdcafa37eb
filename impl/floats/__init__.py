"""The engine that searches: many instances at once, float64, never a verdict."""
