"""Any PyTorch model: its problem as graphs and numbers, judged on the claims of `theory.any_model`."""
