"""Skills from a catalogue. See docs/design/catalogue.md."""
