"""Measurements of speed and memory, side by side in one run.

Open harness.py first. Nothing of the product imports it.
"""
