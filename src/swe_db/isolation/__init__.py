"""A database and a Redis of its own for every test."""
