"""Backup and restore: the database, the stored files and the proof that both are whole."""
