"""Any program in the repository, the seed's way."""
