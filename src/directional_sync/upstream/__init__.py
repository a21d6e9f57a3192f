"""Repositories of others: asked, fetched, and made into the tree that is vendored."""
