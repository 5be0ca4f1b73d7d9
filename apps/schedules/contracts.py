"""What this room writes where others keep it."""

SCHEDULE_TAG = "fairway.schedule"
"""On a run that a schedule began: which one. Its page asks for more only where this stands."""
