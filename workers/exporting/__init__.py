"""An evaluation as a file: Parquet, one HTML page, a PDF, the metrics part of a model card.

Pure functions from evidence (`evidence.Evidence`) to bytes or text; no Django, no database, no network. Every format
but Parquet is made of the same tables (`tables`), so a number reads alike in all of them.
"""
