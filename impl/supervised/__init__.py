"""Supervised learning: instances, files, batches, generators and the engines; of linear models, and for all."""
