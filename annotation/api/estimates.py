"""A figure with what belongs to it, as the API gives it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class EstimateShape(serializers.Serializer[Any]):
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval.")
    high = serializers.FloatField(allow_null=True)
    items = serializers.IntegerField()
    answers = serializers.IntegerField()
    reason = serializers.CharField(allow_blank=True, help_text="Why there is no value, or no interval.")
