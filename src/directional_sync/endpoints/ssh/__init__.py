"""What endpoints have in common that go to another machine by the system's own ssh."""
