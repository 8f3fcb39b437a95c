"""Whether log, records and database still agree: what `manage.py audit_verify` and the nightly task ask.

Nothing here trusts a function, a view or a setting of the database that is verified: hashes are computed in Python from
what built-in functions print, in one read-only snapshot, and names are looked up in `pg_catalog` first.
"""
