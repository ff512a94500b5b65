"""What a fleet's figures say: per model, per template, which differences are shown, which are not.

`model.py` is what readers see and is cheap to import. `build.py` makes it, and imports scipy.
"""
