"""Supervised learning with two-layer ReLU networks."""
