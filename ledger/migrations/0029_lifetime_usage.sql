-- What a subscription had used elsewhere before it came here, as its app says: in its
-- plan's currency, in the smallest unit. It is told again, and never billed.
ALTER TABLE subscription
    ADD COLUMN historical_usage_cents bigint NOT NULL DEFAULT 0
               CHECK (historical_usage_cents >= 0);
