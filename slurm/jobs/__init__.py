"""Jobs: what one is, and how it does its step.

Open job.py first. Submitting may import it.
"""
