"""What tests need, for this project and for those who write plugins: real services on loopback, with faults."""
