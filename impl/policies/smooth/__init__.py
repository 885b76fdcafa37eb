"""Reinforcement learning with policies of two-layer networks of a smooth activation."""
