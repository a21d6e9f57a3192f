"""What can stand behind a side of a target: one module each."""
