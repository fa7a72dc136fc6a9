"""k-means over vectors, and what it remembers of earlier fits.

Vectors of tags come from ``embedded/embedding.py``; which sample belongs where is SQL in ``models/clustering``.
"""
