"""What the reports read: results, published values, provenance.

Open results.py first. Stands on reports.text alone.
"""
