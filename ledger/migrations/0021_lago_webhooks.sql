-- Webhooks as Lago's clients manage and verify them.

-- What Lago calls the organization: ours is the service.
ALTER TABLE service
    ADD COLUMN public_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE;

-- old_secrets: those that were rotated away, newest first; they sign beside the secret
-- until old_secrets_until. An endpoint that an app deletes stays for its attempts' sake,
-- and its URL may be used again.
ALTER TABLE webhook_endpoint
    ADD COLUMN name              text    NOT NULL DEFAULT '',
    ADD COLUMN signature_algo    text    NOT NULL DEFAULT 'hmac'
               CHECK (signature_algo IN ('hmac', 'jwt')),
    ADD COLUMN body_style        text    NOT NULL DEFAULT 'standard'
               CHECK (body_style IN ('standard', 'lago')),
    ADD COLUMN old_secrets       bytea[] NOT NULL DEFAULT '{}',
    ADD COLUMN old_secrets_until timestamptz,
    ADD COLUMN deleted_at        timestamptz;
ALTER TABLE webhook_endpoint DROP CONSTRAINT webhook_endpoint_service_id_url_key;
CREATE UNIQUE INDEX webhook_endpoint_url ON webhook_endpoint (service_id, url)
    WHERE deleted_at IS NULL;

-- The key pair that signs webhooks as JWT, made at first use; one per installation.
CREATE TABLE signing_key (
    only_one    boolean     PRIMARY KEY DEFAULT true CHECK (only_one),
    private_key bytea       NOT NULL,
    public_key  text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN signing_key.private_key IS
    'PEM, encrypted with FUSION_SECRET_KEY (Fernet)';
COMMENT ON COLUMN signing_key.public_key IS 'PEM';
