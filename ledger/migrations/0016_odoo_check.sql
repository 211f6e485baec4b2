-- What the last check of Odoo found, for those who ask the ledger: one row at most.
CREATE TABLE odoo_check (
    id             integer     PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    checked_at     timestamptz NOT NULL,
    problem        text,       -- one line; NULL: all is well
    odoo           text,       -- as last seen: version and edition
    addon          text,       -- its version
    key_expires_at timestamptz, -- NULL: never, or never seen
    key_warned_at  timestamptz -- when that was last warned of
);
