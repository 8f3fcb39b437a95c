"""The database backend: PostgreSQL, told with each BEGIN who acts."""
