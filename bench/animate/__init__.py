"""A motion as the weights that other people's avatars understand: ARKit's 52 blendshapes.

Open avatars.py first. Only the commands import it.
"""
