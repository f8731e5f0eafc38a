"""From a user's files to a prepared dataset: what datasets/*/prepare.py share.

Open script.py first. datasets/ and the commands may import it.
"""
