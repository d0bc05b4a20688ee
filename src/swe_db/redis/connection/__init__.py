"""Connections of redis-py, made from settings."""
