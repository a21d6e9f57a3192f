"""Keyed parts of documents: entries of a Markdown section, keys of a JSON file, fields of YAML, as records and back."""
