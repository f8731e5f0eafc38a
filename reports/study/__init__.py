"""The user study (the paper's Table 2): a questionnaire page, its answers, and what they say.

Open __main__.py first. The tables read its answers.
"""
