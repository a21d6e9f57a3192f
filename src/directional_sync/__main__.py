"""`python -m directional_sync`."""

import sys

from directional_sync.cli import main

if __name__ == "__main__":
    sys.exit(main())
