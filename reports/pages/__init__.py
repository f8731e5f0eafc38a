"""Works out what each page of the site shows; templates only set it.

Open building.py first. reports/site.py imports it.
"""
