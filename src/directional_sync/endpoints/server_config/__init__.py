"""A live server's configuration, documented without its secrets."""
