"""Steps, their keys, the cache that holds them and the pool that does them.

Open step.py, then planner.py. Collecting, weights, checks, commands and slurm may import it.
"""
