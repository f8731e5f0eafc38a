"""Clusters: their presets (*.yaml), and SLURM's own programs.

Open presets.py first. Stands below every other room of slurm.
"""
