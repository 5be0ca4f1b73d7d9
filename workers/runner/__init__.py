"""The runner: the small parent that watches one attempt, and the child that does its work."""
