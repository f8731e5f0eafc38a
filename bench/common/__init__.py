"""Files, records, errors, seeds and folders: what every room stands on.

Open files.py first. Imports nothing of the project; everybody may import it.
"""
