"""The shapes of snapshots: what is asked for, what is given."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from annotation import export_formats, export_terms, holding_out
from annotation.models import Snapshot, SnapshotFile
from specs.api.shapes import JobShape, Key


class Filter(serializers.DictField):
    """Values that are let through, by name."""

    child = serializers.ListField(child=serializers.CharField(max_length=1000), min_length=1, max_length=200)


class SnapshotWhere(serializers.Serializer[Any]):
    fields = Filter(required=False, help_text="Items whose field is one of the values.")  # type: ignore[assignment]
    labels = Filter(required=False, help_text="Items whose label is, or holds, one of the values.")
    after = serializers.DateTimeField(required=False, help_text="Settled then or later.")
    before = serializers.DateTimeField(required=False, help_text="Settled before.")
    bases = serializers.ListField(
        child=serializers.ChoiceField(choices=list(export_terms.BASES)), required=False, min_length=1
    )


class SnapshotSplit(serializers.Serializer[Any]):
    """Train, eval and test by a keyed hash of the item; the shares are fixed by the project's first snapshot with a split."""

    eval = serializers.IntegerField(min_value=0, max_value=99, required=False)
    test = serializers.IntegerField(min_value=0, max_value=99, required=False)
    by = serializers.CharField(
        max_length=64,
        required=False,
        help_text="A field of the items that stay together; their key if left out.",
    )
    only = serializers.ListField(
        child=serializers.ChoiceField(choices=list(holding_out.SPLITS)), required=False, min_length=1
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "The labels of a version", value={"spec": "toxicity", "version": "2.0.0"}, request_only=True
        ),
        OpenApiExample(
            "A training set of what a lead or the majority decided since January",
            value={
                "spec": "toxicity",
                "version": "2.1.0",
                "since": "2.0.0",
                "rule": "majority",
                "where": {"fields": {"lang": ["en"]}, "after": "2026-01-01T00:00:00Z"},
                "split": {"eval": 10, "test": 10},
                "formats": ["parquet"],
            },
            request_only=True,
        ),
    ]
)
class SnapshotIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    spec = Key()
    version = serializers.CharField(max_length=40)
    queues = serializers.ListField(child=Key(), required=False, default=list)
    position = serializers.IntegerField(min_value=1, required=False, allow_null=True, default=None)
    since = serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        default="",
        help_text="The earliest version whose decisions count; all up to `version` have to mean the same.",
    )
    rule = serializers.ChoiceField(
        choices=list(export_terms.RULES), required=False, default=export_terms.SETTLED
    )
    gold = serializers.BooleanField(
        required=False, default=False, help_text="Known answers stand for the labels of their items."
    )
    where = SnapshotWhere(required=False, default=dict)
    split = SnapshotSplit(required=False, allow_null=True, default=None)
    columns = serializers.ListField(
        child=serializers.ChoiceField(choices=list(export_terms.COLUMNS)),
        required=False,
        default=list(export_terms.USUAL_COLUMNS),
    )
    item_fields = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        default=list,
        max_length=200,
        help_text="Only these fields of the items; all if left out.",
    )
    formats = serializers.ListField(
        child=serializers.ChoiceField(choices=list(export_formats.FORMATS)),
        required=False,
        min_length=1,
        default=["jsonl", "parquet"],
    )

    def terms(self, body: dict[str, Any]) -> export_terms.Terms:
        where, split = body["where"], body["split"]
        return export_terms.Terms(
            since=body["since"],
            fields=where.get("fields", {}),
            labels=where.get("labels", {}),
            after=where["after"].isoformat() if where.get("after") else "",
            before=where["before"].isoformat() if where.get("before") else "",
            bases=where.get("bases", export_terms.USUAL_BASES),
            rule=body["rule"],
            gold=body["gold"],
            split=split is not None,
            splits=(split or {}).get("only", holding_out.SPLITS),
            eval_percent=(split or {}).get("eval"),
            test_percent=(split or {}).get("test"),
            split_by=(split or {}).get("by", ""),
            columns=body["columns"],
            item_fields=body["item_fields"],
            formats=body["formats"],
        )


class FileShape(serializers.ModelSerializer[SnapshotFile]):
    class Meta:
        model = SnapshotFile
        fields = ("name", "media_type", "digest", "n_bytes", "n_rows")


class SnapshotShape(serializers.ModelSerializer[Snapshot]):
    version = serializers.CharField(source="version.number")

    class Meta:
        model = Snapshot
        fields = (
            "id",
            "name",
            "state",
            "version",
            "position",
            "digest",
            "n_rows",
            "error",
            "created_at",
            "frozen_at",
        )


class SnapshotWhole(SnapshotShape):
    files = FileShape(many=True)
    manifest = serializers.DictField(allow_null=True)

    class Meta(SnapshotShape.Meta):
        fields = (*SnapshotShape.Meta.fields, "files", "manifest")  # type: ignore[assignment]


class SnapshotStarted(serializers.Serializer[Any]):
    snapshot = SnapshotShape()
    job = JobShape()


class SnapshotList(serializers.Serializer[Any]):
    snapshots = SnapshotShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class Verified(serializers.Serializer[Any]):
    intact = serializers.BooleanField()
    faults = serializers.ListField(child=serializers.CharField())
