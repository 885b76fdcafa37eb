"""What a model is: networks on finitely many inputs, their weights, features and formal ranks; no task, no bound."""
