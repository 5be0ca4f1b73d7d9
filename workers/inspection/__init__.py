"""Judges the files of a model by reading them, never by loading them: the web asks it when a version is
registered, the child and the host ask it again before they load.

Standard library and PyYAML only. What is allowed stands in `allowed`; what a file claims never extends it.
"""
