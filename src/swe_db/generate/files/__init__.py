"""Data sets in files, CSV or Parquet, without any server."""
