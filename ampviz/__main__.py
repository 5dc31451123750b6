"""`python -m ampviz`: the same as the `ampviz` command."""

import sys

from ampviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
