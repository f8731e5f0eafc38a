"""Spiral convolution and decimation of meshes.

Open spirals.py first. Methods may import it.
"""
