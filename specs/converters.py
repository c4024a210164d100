"""What addresses may hold."""

from __future__ import annotations

from django.urls import register_converter


class VersionNumber:
    """`1.4.0`, `draft`, or `trial-12`: only these are versions, so that other pages of a spec can stand beside them."""

    regex = r"[0-9]{1,8}\.[0-9]{1,8}\.[0-9]{1,8}|draft|trial-[0-9]{1,18}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class FrozenNumber(VersionNumber):
    """A version that does not change any more: every one but the draft."""

    regex = VersionNumber.regex.replace("|draft", "")


register_converter(VersionNumber, "version")
register_converter(FrozenNumber, "frozen")
NUMBER, FROZEN = "<version:number>", "<frozen:number>"
