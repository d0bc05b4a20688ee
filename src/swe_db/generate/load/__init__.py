"""Loading a data set into a PostgreSQL database that holds nothing but the seeds."""
