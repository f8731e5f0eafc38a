"""What was submitted from here, and where it stands.

Open ledger.py first. Submitting and the commands may import it.
"""
