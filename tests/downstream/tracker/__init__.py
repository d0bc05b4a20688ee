"""A small task tracker on the schema of swe-db."""
