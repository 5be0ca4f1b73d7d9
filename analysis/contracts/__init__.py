"""Shapes and catalogues shared by web rooms and jobs.

Standard library only, so that every process may import them.
"""
