"""The audit trail as people and programs read it: pages, exports and API over the journal.

Above all other apps, because a trail speaks of the records of every one of them.
"""
