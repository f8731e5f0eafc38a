"""The tables.

Open table1.py first. The commands, the pages and the study may import it.
"""
