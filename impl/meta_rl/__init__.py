"""Meta-reinforcement learning: energy-based linear policies on finite Markov decision processes."""
