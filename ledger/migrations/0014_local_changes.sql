-- Customers and subscriptions that apps make or change: written here first, and sent to
-- Odoo from here. A record that no app ever changed has no row.
ALTER TABLE customer ADD COLUMN contact jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN customer.contact IS
    'what the app said of address, phone and the like; never pulled from Odoo';

CREATE TABLE local_change (
    kind       text        NOT NULL CHECK (kind IN ('customer', 'subscription')),
    record_id  bigint      NOT NULL,
    revision   integer     NOT NULL,
    unsent     text[]      NOT NULL,
    attempts   integer     NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL,
    error      text,
    taken_at   timestamptz,
    look_again bigint,
    PRIMARY KEY (kind, record_id)
);
COMMENT ON COLUMN local_change.revision IS
    'rises with each change, and with the seconds since 2020; Odoo ignores an older one';
COMMENT ON COLUMN local_change.unsent IS
    'fields that the app changed and Odoo has not taken; no pull overwrites them';
COMMENT ON COLUMN local_change.look_again IS
    'set, to another number each time, while Odoo''s row has to be read back';
CREATE INDEX local_change_due ON local_change (kind, due_at) WHERE unsent <> '{}';
CREATE INDEX local_change_look ON local_change (kind) WHERE look_again IS NOT NULL;
CREATE SEQUENCE local_change_looks;
