"""From names to methods, rows of the tables and ablations.

Open rows.py first: its Registry is built once per command. Whoever takes a name from a user may
import it.
"""
