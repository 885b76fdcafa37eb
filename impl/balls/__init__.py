"""The engine that decides: quantities of one instance in balls or exact rationals."""
