"""Two-layer ReLU networks as models for meta-SL: instances, kernels on the support, quantities, generators, rates."""
