"""The reader of routes: a program of its own, standard library only (see `program.py`)."""
