"""The actions: for each one typed model and one function; L{table} has them all."""
