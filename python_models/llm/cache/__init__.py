"""The response cache: a SQLite file that holds every reply before it is used; its writer, export and import."""
