"""Any PyTorch program, in numbers that enclose: traced once to a graph that is plain data, evaluated from its table."""
