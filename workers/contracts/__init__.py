"""Shapes and catalogues shared by web rooms, executors, jobs and gateway: standard library and jsonschema."""
