"""From missing steps to job arrays, submitted and waited for.

Open planning.py, then launcher.py. The commands may import it.
"""
