"""The reader of routes: a separate program, standard library only (see `program.py`)."""
