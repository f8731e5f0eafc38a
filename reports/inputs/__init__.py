"""Reads all that reports are made of: results, published values, provenance.

Open results.py first. Stands on reports.text alone.
"""
