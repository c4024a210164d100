"""API tokens of one's own by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs import tokens
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.models import ApiToken


class TokenIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    permissions = serializers.ListField(
        child=serializers.CharField(max_length=40), min_length=1, help_text="Some of this token's own."
    )
    expires_at = serializers.DateTimeField(
        required=False, help_text="At the latest, and without it, the end of this token."
    )
    max_leases = serializers.IntegerField(
        min_value=1,
        max_value=tokens.MAX_LEASES,
        required=False,
        allow_null=True,
        default=None,
        help_text="With so many tasks held, no claim by the token takes more; without it, what its queues allow.",
    )


class TokenShape(serializers.ModelSerializer[ApiToken]):
    permissions = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ApiToken
        fields = (
            "id",
            "name",
            "prefix",
            "permissions",
            "max_leases",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )


class TokenMade(TokenShape):
    secret = serializers.CharField(help_text="Shown this once.")

    class Meta(TokenShape.Meta):
        fields = (*TokenShape.Meta.fields, "secret")  # type: ignore[assignment]


class TokenList(serializers.Serializer[Any]):
    tokens = TokenShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class Tokens(ApiView):
    policies = {"get": allows("token.manage"), "post": allows("token.manage")}
    shown_once = ("secret",)

    @operation("List your tokens, newest first", gives=TokenList, parameters=PAGING, name="tokens_list")
    def get(self, request: Request, project: str) -> Response:
        shown, before = self.page(ApiToken.objects.filter(member=self.member), request)
        return Response({"tokens": TokenShape(shown, many=True).data, "next_before": before})

    @operation(
        "Make a token that can do no more than this one",
        takes=TokenIn,
        gives=TokenMade,
        status=201,
        name="token_make",
    )
    def post(self, request: Request, project: str) -> Response:
        token, secret = tokens.create(
            member=self.member, by=self.member, through=self.bearer, **self.body(TokenIn, request)
        )
        token.refresh_from_db()
        return Response({**TokenShape(token).data, "secret": secret}, status=201)


class TokenOne(ApiView):
    policies = {"delete": allows("token.manage")}

    @operation("Revoke a token", status=204, name="token_revoke")
    def delete(self, request: Request, project: str, token: int) -> Response:
        tokens.revoke(
            token=get_or_404(ApiToken, project=self.project, pk=token, member=self.member), by=self.member
        )
        return Response(status=204)
