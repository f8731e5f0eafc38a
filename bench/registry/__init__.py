"""From names to methods, rows of the tables and ablations.

Open methods.py first. Whoever takes a name from a user may import it.
"""
