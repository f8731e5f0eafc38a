"""Sound and meshes on disk, read and written in the formats of this field.

Open audio.py or meshes.py first. Stands on bench.common alone.
"""
