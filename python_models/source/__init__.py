"""Reading a dataset: which files, which records, which format, and why a record cannot be used.

``files``, ``search`` and ``archives`` find the files, ``tables`` a table of the engine, ``addresses`` what is to be
fetched first; ``streams`` turns each file into UTF-8 bytes, ``readers`` recognises what it holds; ``json_stream`` and
``wrappers``, ``csv_rows`` and ``columnar`` cut it into pieces in bounded memory. ``formats`` makes a sample of one
record: ``plain`` reads the plainest by a plan; else ``fields`` sorts what it holds by its ``names``, ``questions`` and
``conversations`` (``turns``, ``roles``, ``contents``, ``calls``, ``segments``) read it, ``answers`` chooses among
several, ``sample`` puts it together; ``texts`` and ``dates`` clean. ``records`` builds the rows of the tables.
"""
