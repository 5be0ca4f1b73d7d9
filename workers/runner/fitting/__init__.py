"""Fitting: preprocessing, estimators with their learning curves, measures and importance."""
