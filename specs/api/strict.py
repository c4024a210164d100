"""Values of a body that have another JSON type than their field: the serializers would turn them into what was not said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rest_framework import serializers

_KINDS: tuple[tuple[type[serializers.Field], tuple[type, ...], str], ...] = (
    (serializers.BooleanField, (bool,), "is true or false"),
    (serializers.CharField, (str,), "is text"),
    (serializers.IntegerField, (int, float), "is a whole number"),
    (serializers.FloatField, (int, float), "is a number"),
)


def problems(serializer: serializers.BaseSerializer[Any], data: Any) -> Iterator[tuple[str, Any]]:
    """Field and what is wrong with its type, nested as the serializer is; null is the serializer's own affair."""
    if not isinstance(data, dict) or not isinstance(serializer, serializers.Serializer):
        return
    for name, field in serializer.fields.items():
        if data.get(name) is not None and (wrong := _wrong(field, data[name])):
            yield name, wrong


def _wrong(field: Any, value: Any) -> Any:
    if isinstance(field, serializers.ListSerializer | serializers.ListField) and isinstance(value, list):
        return next((wrong for one in value if one is not None and (wrong := _wrong(field.child, one))), None)
    if isinstance(field, serializers.Serializer):
        return dict(problems(field, value))
    for kind, types, message in _KINDS:
        if isinstance(field, kind):
            right = isinstance(value, types) and (bool in types or not isinstance(value, bool))
            return None if right else [message]
    return None
