"""The doors to this machine: processes, files, clock, network. Everything above asks here."""
