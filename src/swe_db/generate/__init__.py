"""Realistic data at any scale: a data set is a function of its plan, made in parts, loaded or written, and verified."""
