"""Whether what is in the database is what was planned."""
