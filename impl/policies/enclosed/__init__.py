"""Batches of policies in midpoint-radius numbers: the quantities of `batch_quantities`, proved."""
