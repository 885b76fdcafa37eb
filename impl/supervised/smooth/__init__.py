"""Supervised learning with two-layer networks of a smooth activation."""
