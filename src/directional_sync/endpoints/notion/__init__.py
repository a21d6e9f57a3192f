"""Rows of a Notion database: written by external id, compared by the properties that the file owns."""
