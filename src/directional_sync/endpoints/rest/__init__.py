"""A paged JSON list of a service as files of the repository."""
