"""Submission of planned steps to a SLURM cluster."""
