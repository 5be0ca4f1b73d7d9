"""What this room writes where others keep it."""

SCHEDULE_TAG = "fairway.schedule"
"""On runs and in the specs of jobs that a schedule began: which one. Their pages ask for more only where it stands."""
