"""Batches of two-layer networks in midpoint-radius numbers: the quantities of `batch_quantities`, proved."""
