"""swe-db."""
