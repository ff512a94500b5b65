"""The command line, which is `assay` where it is installed; `starter.py --help` lists it."""

from cli.entry import main

if __name__ == "__main__":
    main()
