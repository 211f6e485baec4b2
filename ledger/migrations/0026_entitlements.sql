-- What subscriptions may do, as their apps say: kept and given back, billed by nothing.

-- privileges: {code: a text, whole number or boolean}.
CREATE TABLE entitlement (
    subscription_id bigint      NOT NULL REFERENCES subscription ON DELETE CASCADE,
    feature         text        NOT NULL COLLATE "C",
    privileges      jsonb       NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, feature)
);
