"""What a database holds, read from its catalogue: for diagrams, and for the page about the schema."""
