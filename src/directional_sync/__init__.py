"""directional-sync: carries out the data flows that one YAML file names."""

__version__ = "0.1.0"
