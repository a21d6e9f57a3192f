"""Merges three contents into one, by what they are made of; pure. The way in is `merging.merge`."""
