"""One file for each kind of command; imported when one of its commands is used."""
