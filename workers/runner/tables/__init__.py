"""Uploaded tables: checks of the raw bytes, types of the columns, and the canonical Parquet file."""

from workers.runner.tables.canonical import CanonicalFacts, canonical_of, canonical_write

__all__ = ["CanonicalFacts", "canonical_of", "canonical_write"]
