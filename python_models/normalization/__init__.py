"""Word tables for the normalization of tags: stems, Unicode forms, similar tags.

The rules themselves are SQL in ``models/normalization`` and ``macros/tag_text.py``.
"""
