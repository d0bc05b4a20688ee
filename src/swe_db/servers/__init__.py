"""Where Postgres and Redis come from."""
