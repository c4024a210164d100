"""How operations are described: every one names its permission, its answer and the problems it can give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers

from specs import canonical

F = TypeVar("F", bound=Callable[..., Any])


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "specs.api.auth.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token of one project, made on its tokens page.",
        }


class ProblemEntry(serializers.Serializer[Any]):
    where = serializers.CharField()
    message = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    type = serializers.CharField()
    title = serializers.CharField(help_text="A stable code, such as lease-lost.")
    status = serializers.IntegerField()
    detail = serializers.CharField()
    problems = ProblemEntry(many=True, required=False)


_PROBLEMS = {
    400: "The body cannot be read.",
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The token or its member lacks the permission.",
    404: "Nothing here, or nothing for you: both answer alike.",
    405: "The route does not have this verb.",
    409: "The state does not allow it (a lost lease, a newer draft, a queue that is not open).",
    415: "The body has a media type that is not taken.",
    422: "The content breaks a rule; `problems` says where.",
    429: "A limit is reached.",
}


_TOLD: dict[int, tuple[str, str]] = {
    400: ("parse-error", "The body cannot be read: it is no JSON at character 7."),
    401: ("not-authenticated", "Authentication credentials were not provided."),
    403: ("not-allowed", "You may not do that."),
    404: ("not-found", "There is nothing here, or nothing for you."),
    405: ("method-not-allowed", "Method DELETE not allowed."),
    409: ("wrong-state", "The snapshot is not frozen yet."),
    415: ("unsupported-media-type", "Unsupported media type text/plain in request."),
    422: ("invalid", "The snapshot cannot be built as asked."),
    429: ("too-many-requests", "A limit is reached; ask again when Retry-After has passed."),
}


def _problem(code: int) -> OpenApiExample:
    """What a refusal of this status looks like."""
    title, detail = _TOLD[code]
    value: dict[str, Any] = {
        "type": f"urn:concordat:problem:{title}",
        "title": title,
        "status": code,
        "detail": detail,
    }
    if code == 422:
        value["problems"] = [{"where": "labels", "message": "is one or more of: entailed"}]
    return OpenApiExample(title, value=value, media_type="application/problem+json", status_codes=[str(code)])


def example(title: str, value: Any, status: int = 200) -> OpenApiExample:
    """What an answer looks like."""
    return OpenApiExample(title, value=value, response_only=True, status_codes=[str(status)])


def operation(
    summary: str,
    *,
    takes: Any = None,
    gives: Any = None,
    status: int = 200,
    media: str = "",
    also: dict[Any, Any] | None = None,
    parameters: list[Any] | None = None,
    name: str | None = None,
    examples: list[OpenApiExample] | None = None,
    keys_inside: bool = False,
    deprecated: bool | None = None,
) -> Callable[[F], F]:
    """Describe one verb of a view: what it takes, what it gives with which status (and media type), and the shared problems.

    *keys_inside* says that idempotency keys come in the body, one for each of several.
    """
    responses: dict[Any, Any] = {
        code: OpenApiResponse(Problem, description=text, examples=[_problem(code)])
        for code, text in _PROBLEMS.items()
    }
    responses = {(code, "application/problem+json"): response for code, response in responses.items()}
    answer = gives if gives is not None else OpenApiResponse(description="Done; no content.")
    responses[(status, media) if media else status] = answer
    responses.update(also or {})
    return extend_schema(
        summary=summary,
        request=takes,
        responses=responses,
        parameters=parameters,
        operation_id=name,
        examples=examples,
        extensions={_INSIDE: True} if keys_inside else None,
        deprecated=deprecated,
    )


_INSIDE = "x-keys-inside"
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 8, "maxLength": 100},
    "description": "Of your own. The same request under the same key again has no effect and gets the first reply.",
}
_TAG = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The ETag of an answer that you have: as long as it stands, the answer is 304 without content.",
}
_RATE = {
    "RateLimit-Limit": "Requests a minute under the limit that is nearest.",
    "RateLimit-Remaining": "How many of these are left.",
    "RateLimit-Reset": "Seconds until all of them are there again.",
}


def everywhere(result: dict[str, Any], **others: Any) -> dict[str, Any]:
    """What holds for every operation of a project: keys on unsafe ones, tags on looks, the rate limit's headers."""
    schemas = result["components"]["schemas"]
    _bound(schemas)
    headers = result["components"].setdefault("headers", {})
    for name, text in _RATE.items():
        headers[name] = {"description": text, "schema": {"type": "integer", "minimum": 0}}
    headers["Retry-After"] = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
    rate = {name: {"$ref": f"#/components/headers/{name}"} for name in _RATE}
    for path, verbs in result["paths"].items():
        if "/projects/{project}/" not in path:
            continue
        for verb, described in verbs.items():
            asked, answers = described.setdefault("parameters", []), described["responses"]
            if verb == "get":
                asked.append(_TAG)
                answers.setdefault("304", {"description": "What you have still stands."})
                answers["414"] = {"description": "The address is longer than the server reads."}
            elif not described.pop(_INSIDE, False) and not any(one["name"] == _KEY["name"] for one in asked):
                asked.append(_KEY)
            _close(described.get("requestBody", {}), schemas)
            for status, answer in answers.items():
                for content in answer.get("content", {}).values():
                    if content.get("schema", {}).get("format") == "binary":
                        del content["schema"]  # bytes as they are, whatever the type says
                answer.setdefault("headers", {}).update(rate if status != "401" else {})
            answers["429"]["headers"]["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    return result


def _close(body: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A request's body has no fields but those that are described; what is not is refused by name."""
    for content in body.get("content", {}).values():
        named = content["schema"].get("$ref", "").rpartition("/")[2]
        if named and "properties" in schemas[named]:
            schemas[named].setdefault("additionalProperties", False)


def _bound(schemas: dict[str, Any]) -> None:
    """Numbers are such that every language reads them alike."""
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            kinds = field.get("type", [])
            if {"integer", "number"} & set([kinds] if isinstance(kinds, str) else kinds):
                most = canonical.MAX_INTEGER
                field["minimum"] = max(field.get("minimum", -most), -most)
                field["maximum"] = min(field.get("maximum", most), most)
