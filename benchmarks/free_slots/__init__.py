"""How much longer a search for free slots takes than the SQL that reads what it looks at."""
