-- The table of lifecycle events, run after invoices.sql and as often.

CREATE TABLE IF NOT EXISTS fusion_billing_webhook (
    id          serial PRIMARY KEY,
    service_id  int4 NOT NULL REFERENCES fusion_billing_service ON DELETE RESTRICT,
    key         varchar NOT NULL CONSTRAINT fusion_billing_webhook_key_uniq UNIQUE,
    event       varchar NOT NULL,
    payload     jsonb,
    state       varchar NOT NULL,
    reason      varchar,
    create_uid  int4,
    create_date timestamp,
    write_uid   int4,
    write_date  timestamp
);

CREATE INDEX IF NOT EXISTS fusion_billing_webhook_pending_idx
    ON fusion_billing_webhook (id) WHERE state = 'pending';
