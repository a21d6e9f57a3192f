"""This repository: its objects, trees, refs and work tree, through the program `git` in an isolated environment."""
