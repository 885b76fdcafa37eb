"""Reinforcement learning: instances, files, batches, generators and the engines; of linear policies, and for all."""
