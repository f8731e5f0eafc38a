"""From a user's files to the canonical clips of a dataset: what datasets/*/prepare.py share."""
