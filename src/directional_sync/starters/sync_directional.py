#!/usr/bin/env python3
"""Runs the data flows that .insightpulse/sync.yaml names: `python scripts/sync_directional.py --list`."""

import sys

try:
    from directional_sync.cli import seed_main
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "directional_sync":
        raise
    sys.exit(
        "directional-sync is not installed for this Python; install it with: python -m pip install directional-sync"
    )

if __name__ == "__main__":
    raise SystemExit(seed_main())
