"""Meta-supervised learning with a linear model: instances, MAML by definition, quantities, generators, real tasks."""
