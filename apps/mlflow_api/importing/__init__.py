"""Copying a whole MLflow server, `mlruns` folder or SQLite database into a team.

What a source says is untrusted: names are judged by the rules of the door, paths never leave what was named, a redirect
is not followed. What cannot come along is noted with the reason.
"""
