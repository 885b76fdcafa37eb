"""Reinforcement learning with policies of any model: instances, files, batches, generators and the engines."""
