"""Reading a dataset: which files, which records, which format, and why a record cannot be used.

``files`` finds the files, ``streams`` turns each into UTF-8 bytes, ``readers`` and ``tables`` cut these into records in
bounded memory, ``formats`` and ``conversations`` make an instruction and a response of one record, ``texts`` cleans
them, ``records`` builds the rows of the tables.
"""
