"""The YAML that names the flows: read strictly, checked at once, answered as frozen values."""
