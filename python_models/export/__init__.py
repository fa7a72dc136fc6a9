"""The kept samples as files that trainers read.

``conversation`` reads a record with the readers of ``source``; a module per format makes the row of its file of it, or
says why the format cannot hold it; ``formats`` lists them. ``writing`` checks that every row is read back as the
sample that it was, and writes all files or none.
"""
