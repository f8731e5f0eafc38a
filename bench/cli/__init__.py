"""The commands of `bench`, one file per group.

Open app.py first. A composition root: nothing but bench/run.py and slurm/cli.py imports it.
"""
