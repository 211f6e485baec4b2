-- Odoo's events that are in the outbox: noted in the transaction that put them there, so
-- that one which is fetched again, its mark in Odoo being lost, is told to nobody twice.
CREATE TABLE odoo_event (
    key        text        PRIMARY KEY COLLATE "C",
    service_id integer     NOT NULL REFERENCES service,
    type       text        NOT NULL,
    taken_at   timestamptz NOT NULL
);
