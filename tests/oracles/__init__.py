"""Opinions of others that tests alone ask for: torch, cvxpy, sympy; those of commands are in impl/oracles."""
