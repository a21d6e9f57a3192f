"""Folders on this machine and object stores as one far side: a file for each key."""
