"""Checkpoints of others: fetched, read into the cache, written under their published names.

Open importing.py first. The commands may import it; methods take local.py.
"""
