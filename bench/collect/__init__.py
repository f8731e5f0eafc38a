"""From the cache to results/: one JSON file a row, and the arrays of the figures.

Open results.py first. The commands and slurm may import it.
"""
