"""The demonstration: a scratch repository, far sides on loopback, and the real commands, one after the other.

Every step is a child process that a reader could start by hand, and every step knows how it has to end, so the
demonstration is a test too.
"""
