"""Statements for Coq, made from the claims, and their proofs: see statements.py and the .v files beside it."""
