"""The shapes of /api/v1/audit/."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from audit.models import IncidentKind, JournalSeal, Signature, TrailReview, Verdict
from audit.models.journal import Operation
from audit.queries.health import Level
from audit.queries.witnesses import Standing
from mfg_project.common.api import MAX_LIMIT
from mfg_project.common.fields import Input, RecordSerializer, ZonedDateTimeField

LARGEST_ID = 2**63 - 1


class PageQuery(Input):
    before = serializers.IntegerField(
        required=False, min_value=1, max_value=LARGEST_ID, help_text=_("Where the page begins; taken from `next`.")
    )
    limit = serializers.IntegerField(default=100, min_value=1, max_value=MAX_LIMIT)


class EntryQuery(PageQuery):
    table = serializers.CharField(required=False, max_length=63)
    record = serializers.CharField(required=False, max_length=100, help_text=_("Key of one record; needs `table`."))
    actor_id = serializers.UUIDField(required=False)
    request_id = serializers.UUIDField(required=False, help_text=_("Everything of one act."))
    since = ZonedDateTimeField(required=False)
    until = ZonedDateTimeField(required=False)
    operation = serializers.ChoiceField([(o.name, o.name) for o in Operation], required=False)
    field = serializers.CharField(required=False, max_length=63, help_text=_("A column that was changed."))
    reason = serializers.CharField(required=False, max_length=100)
    source = serializers.CharField(required=False, max_length=100)  # type: ignore[assignment]
    station = serializers.CharField(required=False, max_length=50)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("record") and not attrs.get("table"):
            raise serializers.ValidationError({"record": [_("Name the table of the record as well.")]})
        return attrs


class CheckpointQuery(PageQuery):
    epoch = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)


class SealSerializer(serializers.Serializer):
    epoch = serializers.IntegerField()
    index = serializers.IntegerField(help_text=_("Which leaf of the epoch's tree the entry is."))


class EntrySerializer(serializers.Serializer):
    """One row of one table created, changed or deleted. Numbers with a point are text, digit for digit."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    transaction_at = serializers.DateTimeField()
    operation = serializers.ChoiceField([(o.name, o.name) for o in Operation])
    table = serializers.CharField()
    record = serializers.CharField()
    old = serializers.DictField(allow_null=True)
    new = serializers.DictField(allow_null=True)
    changed = serializers.ListField(child=serializers.CharField())
    actor_id = serializers.UUIDField(allow_null=True)
    actor_type = serializers.CharField()
    actor_name = serializers.CharField(help_text=_("The printed name at that time."))
    on_behalf_of = serializers.CharField(allow_null=True)
    reason_code = serializers.CharField()
    reason = serializers.CharField()
    request_id = serializers.UUIDField()
    station = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    application_version = serializers.CharField()
    database_user = serializers.CharField()
    compliance_flags = serializers.JSONField()
    seal = SealSerializer(allow_null=True, help_text=_("null while the seal is pending."))


class EntryPage(serializers.Serializer):
    next = serializers.URLField(allow_null=True, help_text=_("The older entries; null at the end."))
    searched_back_to = serializers.DateTimeField(
        allow_null=True, help_text=_("The search stopped here though it may find more; `next` goes on.")
    )
    results = EntrySerializer(many=True)


class ProofSerializer(serializers.Serializer):
    """RFC 9162 inclusion proof; binary values in base64."""

    entry = serializers.DictField(
        child=serializers.CharField(allow_null=True), help_text=_("The fields as they were sealed, each as text.")
    )
    epoch = serializers.IntegerField()
    leaf_index = serializers.IntegerField()
    leaf_hash = serializers.CharField()
    tree_size = serializers.IntegerField()
    inclusion_proof = serializers.ListField(child=serializers.CharField())
    checkpoint = serializers.CharField(help_text=_("Signed note (C2SP tlog-checkpoint)."))
    public_key = serializers.CharField(help_text=_("Compare it with the key you got by another way."))


class CheckpointSerializer(RecordSerializer):
    class Meta:
        model = JournalSeal
        fields = ("epoch", "size", "root", "at", "note")


class CheckpointPage(serializers.Serializer):
    next = serializers.URLField(allow_null=True, help_text=_("The older checkpoints; null at the end."))
    results = CheckpointSerializer(many=True)


class BundleQuery(Input):
    holds = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_ID),
        required=False,
        max_length=20,
        help_text=_("Sizes of checkpoints you hold: the file then proves that its log grew from them."),
    )


class FindingSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(["ok", "note", "altered", "unchecked"])
    text = serializers.CharField(help_text=_("As the verifier says it, in English."))


class VerifiedBundleSerializer(serializers.Serializer):
    """What genba_verify.py says of the file, and what of it is this plant's."""

    verdict = serializers.ChoiceField(["intact", "altered", "cannot_be_checked"])
    findings = FindingSerializer(many=True)
    public_key = serializers.CharField(allow_null=True, help_text=_("The key in the file."))
    key_is_known = serializers.BooleanField(help_text=_("Whether it is, or was, the key of this plant."))
    origin = serializers.CharField(allow_null=True)
    size = serializers.IntegerField(allow_null=True, help_text=_("Entries in the log when the file was made."))
    checkpoint_is_known = serializers.BooleanField(help_text=_("Whether this database holds the same checkpoint."))
    epoch = serializers.IntegerField(allow_null=True)


class SignatureRecordSerializer(RecordSerializer):
    record_type = serializers.CharField(source="record_label")
    record = serializers.CharField(source="record_pk")
    request_id = serializers.UUIDField(source="act_id")

    class Meta:
        model = Signature
        fields = (
            "id",
            "signed_at",
            "plant_zone",
            "plant_offset",
            "signer_id",
            "signer_name",
            "signer_title",
            "meaning",
            "meaning_label",
            "comment",
            "record_type",
            "record",
            "record_name",
            "record_version",
            "transition",
            "step_no",
            "previous_state",
            "new_state",
            "policy_id",
            "policy_version",
            "digest",
            "canonical_form",
            "content",
            "components",
            "window_id",
            "first_in_window",
            "station",
            "request_id",
            "source",
        )


class DoubtSerializer(serializers.Serializer):
    level = serializers.ChoiceField(Level.choices)
    code = serializers.CharField()


class SealStateSerializer(serializers.Serializer):
    epoch = serializers.IntegerField(help_text=_("0: nothing was ever sealed."))
    size = serializers.IntegerField()
    root = serializers.CharField()  # type: ignore[assignment]
    sealed_at = serializers.DateTimeField(allow_null=True)
    sealed_in_all = serializers.IntegerField(help_text=_("Of every epoch."))
    pending = serializers.IntegerField(help_text=_("Entries that wait for their seal; counted up to 10,001."))
    oldest = serializers.DateTimeField(allow_null=True)
    lag_seconds = serializers.FloatField()


class VerificationSerializer(serializers.Serializer):
    ended = serializers.DateTimeField()
    log = serializers.ChoiceField(Verdict.choices)
    records = serializers.ChoiceField(Verdict.choices)
    database = serializers.ChoiceField(Verdict.choices)
    entries = serializers.IntegerField()
    findings_count = serializers.IntegerField()
    findings = serializers.ListField(child=serializers.DictField())


class WitnessSerializer(serializers.Serializer):
    path = serializers.CharField()
    standing = serializers.ChoiceField(Standing.choices)
    epoch = serializers.IntegerField()
    size = serializers.IntegerField()
    at = serializers.CharField(allow_blank=True, help_text=_("Of its last checkpoint, as signed."))
    error = serializers.CharField(allow_blank=True)


class CoverageSerializer(serializers.Serializer):
    table_name = serializers.CharField()
    total_records = serializers.IntegerField()
    hash_protected_records = serializers.IntegerField()
    signed_records = serializers.IntegerField()
    modified_records = serializers.IntegerField()
    integrity_coverage_percent = serializers.DecimalField(max_digits=5, decimal_places=2)


class MeasuredCoverageSerializer(serializers.Serializer):
    at = serializers.DateTimeField()
    rows = CoverageSerializer(many=True)


class PartitionsSerializer(serializers.Serializer):
    ahead = serializers.IntegerField()
    until = serializers.DateTimeField(allow_null=True)


class OpenTransactionSerializer(serializers.Serializer):
    pid = serializers.IntegerField()
    application = serializers.CharField()
    user = serializers.CharField()
    state = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)


class IncidentSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(IncidentKind.choices)
    subject = serializers.CharField()
    began_at = serializers.DateTimeField()
    acknowledged_at = serializers.DateTimeField(source="message.acknowledged_at", allow_null=True)


class TimestampSerializer(serializers.Serializer):
    certified_at = serializers.DateTimeField()
    epoch = serializers.IntegerField()
    size = serializers.IntegerField()
    authority = serializers.CharField()


class ReviewDueSerializer(serializers.Serializer):
    since = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    is_overdue = serializers.BooleanField()


class HealthSerializer(serializers.Serializer):
    """Can the records be trusted now? `level` is the answer, `reasons` say why it is not simply yes."""

    now = serializers.DateTimeField()
    level = serializers.ChoiceField(Level.choices)
    reasons = DoubtSerializer(many=True)
    seals = SealStateSerializer()
    verification = VerificationSerializer(allow_null=True)
    watched_at = serializers.DateTimeField(allow_null=True)
    witnesses = WitnessSerializer(many=True)
    coverage = MeasuredCoverageSerializer(allow_null=True)
    partitions = PartitionsSerializer()
    open_transactions = OpenTransactionSerializer(many=True)
    excess_of_rights = serializers.ListField(child=serializers.CharField())
    incidents = IncidentSerializer(many=True)
    timestamp = TimestampSerializer(allow_null=True)
    review = ReviewDueSerializer()


class TrailReviewSerializer(RecordSerializer):
    tables = serializers.ListField(child=serializers.CharField(), help_text=_("Empty: everything."))

    class Meta:
        model = TrailReview
        fields = (
            "id",
            "made_at",
            "tables",
            "since",
            "until",
            "follows_id",
            "entries",
            "counts",
            "exceptions",
            "remarks",
            "comment",
            "epoch",
            "checkpoint_size",
            "checkpoint_root",
            "reviewer_id",
        )
