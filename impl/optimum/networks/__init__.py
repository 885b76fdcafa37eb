"""Brackets of the optimum over networks: floors, convex programs, cells, linearised networks, interpolants."""
