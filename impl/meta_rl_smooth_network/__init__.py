"""Meta-reinforcement learning with energy-based policies of two-layer networks with a smooth activation."""
