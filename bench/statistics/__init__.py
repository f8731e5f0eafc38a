"""Comparisons of scores over seeds, subjects and sequences.

Open comparisons.py first. The reports and the commands may import it.
"""
