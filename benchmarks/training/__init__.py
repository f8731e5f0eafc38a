"""How fast methods train, and how much memory they take: `python -m benchmarks.training`.

Open cases.py first.
"""
