"""Outside opinions, by other people's code: torch autograd, cvxpy, sympy."""
