"""Works out what the results say, before anyone draws or prints it.

Open scores.py first. Tables, charts and pages may import it.
"""
