"""Decides, purely: no file, no process, no clock, no environment."""
