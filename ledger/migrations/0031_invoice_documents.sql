-- PDFs of invoices, as Odoo's report makes them.

-- revision: when Odoo wrote the invoice last, to the microsecond; it says that something
-- has changed, also what is not kept here.
ALTER TABLE invoice ADD COLUMN revision text NOT NULL DEFAULT '';

-- wanted: the bridge is to fetch it, again if it is there. leased_until: by then whoever
-- took it on has done so, or is dead. shows: the invoice's updated_at that the content
-- is of; an invoice that was updated since has none. fault: why the last try had none.
CREATE TABLE invoice_document (
    invoice_id   bigint      PRIMARY KEY REFERENCES invoice ON DELETE CASCADE,
    asked_at     timestamptz NOT NULL,
    wanted       boolean     NOT NULL DEFAULT true,
    leased_until timestamptz,
    content      bytea       CHECK (octet_length(content) <= 10485760),
    shows        timestamptz,
    fault        text,
    failed_at    timestamptz,
    CHECK ((content IS NULL) = (shows IS NULL))
);
CREATE INDEX invoice_document_wanted ON invoice_document (asked_at) WHERE wanted;
