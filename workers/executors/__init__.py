"""Where attempts run: a protocol, the local implementation, and the registry that finds one by name."""
