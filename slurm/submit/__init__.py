"""From missing steps to job arrays, submitted and waited for.

Open planning.py, then launch.py. The commands may import it.
"""
