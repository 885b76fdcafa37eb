"""The theorems under test, as data: notation, claims, mutants, ablations. Imports nothing of ours."""
