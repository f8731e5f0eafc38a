"""Heads drawn without a GPU: camera, rasteriser, outlines of masks.

Open render.py first. Charts, player and videos may import it.
"""
