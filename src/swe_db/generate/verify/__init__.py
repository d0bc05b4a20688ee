<<<<<<< HEAD
"""Whether what is in the database is what was planned."""
=======
"""Whether what was made is what should have been made: checksums of tables, wherever they are."""
>>>>>>> 23d1aad (Write data sets as CSV and Parquet, and checksum tables in the database and in files alike)
