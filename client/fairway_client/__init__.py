"""Fairway's command line. Needs nothing of the server's code: all of it goes through the JSON API."""

__version__ = "0.1.0"
