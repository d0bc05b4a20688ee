"""The rows of each table, as Arrow tables, and the stories that they tell together."""
