"""What is remembered between runs beside git: run records and kept plans."""
