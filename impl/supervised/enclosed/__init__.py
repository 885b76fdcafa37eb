"""Batches of linear models in midpoint-radius numbers: the quantities of `batch_quantities`, proved."""
