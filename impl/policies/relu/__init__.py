"""Reinforcement learning with policies of two-layer ReLU networks."""
