from typing import Any

from rest_framework import serializers
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer


class TokenSerializer(TokenObtainPairSerializer):
    """Of an account with an authenticator app the password alone gets no token."""

    code = serializers.CharField(
        required=False, allow_blank=True, write_only=True, help_text="Of the authenticator app, when there is one."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        request = self.context["request"]
        request.typed_code = attrs.pop("code", "")  # read by accounts/backends.py
        return super().validate(attrs)
