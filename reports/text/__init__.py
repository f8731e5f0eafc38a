"""Words and numbers as a reader meets them: labels, units, grids.

Open grid.py first. Every room of reports may import it.
"""
