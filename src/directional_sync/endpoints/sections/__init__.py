"""Sections of a document kept equal with settings files, folders of YAML files and folders of skills."""
