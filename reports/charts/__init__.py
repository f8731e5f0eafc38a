"""The figures.

Open figure1.py first. The commands and the pages may import it.
"""
