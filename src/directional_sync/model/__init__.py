"""Frozen values: what is talked about. Nothing here touches the machine."""
