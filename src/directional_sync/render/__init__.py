"""Values into text and JSON, purely: the same values give the same characters."""
