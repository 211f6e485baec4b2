-- Counters that were rejected since their service was last told: how many of each kind,
-- and the first of them. A row for a kind, not for a counter: what an app sends wrongly
-- it may send by the million.
CREATE TABLE event_error (
    service_id               integer     NOT NULL REFERENCES service,
    external_subscription_id text        NOT NULL COLLATE "C",
    code                     text        NOT NULL COLLATE "C",
    reason                   text        NOT NULL COLLATE "C",
    counters                 bigint      NOT NULL,
    transaction_ids          text[]      NOT NULL,
    first_at                 timestamptz NOT NULL,
    PRIMARY KEY (service_id, external_subscription_id, code, reason)
);
