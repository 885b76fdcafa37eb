"""Two-layer networks with a smooth activation as models for meta-SL, on top of `network`."""
