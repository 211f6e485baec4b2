-- What the last comparison with Odoo came to, for each service by its code: one may be in
-- Odoo alone.
CREATE TABLE drift_report (
    service    text        PRIMARY KEY,
    checked_at timestamptz NOT NULL,
    compared   bigint      NOT NULL,
    drift      bigint      NOT NULL,
    warnings   bigint      NOT NULL,
    failed     bigint      NOT NULL
);
