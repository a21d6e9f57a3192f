"""Many git repositories as one tree."""
