"""x"""
REAL_TASKS = {}
