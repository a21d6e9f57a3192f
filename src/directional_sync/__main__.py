"""`python -m directional_sync`."""

from directional_sync.cli import main

if __name__ == "__main__":
    main()
