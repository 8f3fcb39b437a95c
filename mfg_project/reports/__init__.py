"""Documents on paper: PDF/A for archives, in English and Japanese, without anything installed beside pip's packages.

A report makes a `Document` of blocks and calls `pdf_of(document, at=...)`; see `document.py`.
"""
