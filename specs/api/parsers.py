"""One strict JSON parser for every body: what it accepts, the database accepts too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from specs import canonical


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        data = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(data) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise ParseError(f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")
        if not data:
            return {}
        try:
            return canonical.loads_strict(data, max_depth=settings.MAX_JSON_DEPTH)
        except canonical.NotCanonical as error:
            raise ParseError(f"The body cannot be read: {error}.") from error


class RowsParser(BaseParser):
    """Leaves a file of rows as the stream it is; the view reads it."""

    media_type = "application/x-ndjson"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return stream


class CsvParser(RowsParser):
    media_type = "text/csv"


class DocumentParser(RowsParser):
    """A document as it is: a spec file, a guideline, a picture."""

    media_type = "application/octet-stream"


class MarkdownParser(RowsParser):
    media_type = "text/markdown"


class XmlParser(RowsParser):
    media_type = "application/xml"
