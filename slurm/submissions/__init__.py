"""Submissions from here: what each one is, and where its steps stand.

Open ledger.py first. Submitting and the commands may import it.
"""
