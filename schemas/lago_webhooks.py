"""The public key of webhooks that are signed as JWT, as Lago's clients ask for it."""

from marshmallow import Schema, fields


class PublicKeySchema(Schema):
    """The key."""

    public_key = fields.String(
        required=True, metadata={"description": "Base64 of the key in PEM."}
    )


class PublicKeyAnswerSchema(Schema):
    """200 of the key."""

    webhook = fields.Nested(PublicKeySchema, required=True)
