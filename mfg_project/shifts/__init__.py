"""The report of a shift: what a supervisor signs off and hands over, as a page and on paper from the same content.

`facts.py` asks for everything of one moment, `paper.py` says it in blocks; page and PDF only draw these.
"""
