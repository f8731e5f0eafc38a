"""What a job is, and what it does when it runs.

Open work.py first. Submitting may import it.
"""
