"""Are the digits of this machine those that are committed? The lock of versions, and the digests.

Open verify.py first. The commands alone may import it.
"""
