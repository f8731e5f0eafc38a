"""A prepared dataset: its card, its manifest, its masks, and the reader of its clips.

Open reader.py first. Whoever needs clips may import it.
"""
