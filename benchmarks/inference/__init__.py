"""How fast methods predict, each against its plain form: `python -m benchmarks.inference`.

Open cases.py first.
"""
