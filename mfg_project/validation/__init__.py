"""What a plant validates with: clauses, the tests that show them, and the checks of an installation.

Above all other apps, because it asks each of them. `clauses` and `evidence` know nothing of Django: the test run uses
them as well.
"""
