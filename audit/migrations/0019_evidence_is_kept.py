from django.db import migrations

from audit.migration_ops import LONGEST, RetentionRule

EVIDENCE = "Evidence about records: kept as long as the longest kept of them."
MODELS = (
    "accounts.Acknowledgement",
    "accounts.ProviderConfirmation",
    "accounts.SigningQualification",
    "accounts.SigningStatement",
    "audit.Incident",
    "audit.SignaturePolicy",
    "audit.SigningWindow",
    "audit.Timestamp",
    "audit.TrailReview",
)


class Migration(migrations.Migration):
    """Who could sign, under which rules, and what was found about the journal: needed to judge any record."""

    dependencies = [("audit", "0018_trail_review"), ("accounts", "0007_first_statement")]
    operations = [RetentionRule(model, LONGEST, EVIDENCE) for model in MODELS]
