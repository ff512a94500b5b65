"""Statistics over plain numbers: arguments are values, answers are values, nothing knows an app.

`shares.py` and `bounds.py` need the standard library only. The other modules import scipy and
statsmodels, which takes seconds: only what makes a report imports them.
"""
