"""The one training loop of every method, with its batches, terms and checkpoints.

Open loop.py first. The pipeline and the checks may import it.
"""
