"""Real tasks of every family: data of scikit-learn and gymnasium, trained models, comparators."""
