"""One target through one run."""
