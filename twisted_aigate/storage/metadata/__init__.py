"""
What storage knows of its objects, in the database.

Plain functions over a SQLAlchemy connection, to be run in L{Database.read} and L{Database.write}.
"""
