"""Heads that speak, as video files.

Open movie.py first. The study and `bench animate` may import it.
"""
