-- Where the pull of each kind stands, what Odoo no longer has, and Odoo's invoices.

-- watermark: of what Odoo wrote before it, nothing is missing but passed_over, Odoo's
-- ids of rows that were refused. full_at: when all rows were last seen. What tells the
-- Odoo that it holds for from another: source, and the number of its next transaction.
ALTER TABLE odoo_sync
    ADD COLUMN watermark        timestamptz,
    ADD COLUMN full_at          timestamptz,
    ADD COLUMN passed_over      integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN source           text,
    ADD COLUMN odoo_transaction bigint,
    ADD COLUMN deleted          integer   NOT NULL DEFAULT 0;

-- Since when Odoo has not got the record any more. It goes on as it was.
ALTER TABLE service ADD COLUMN deleted_in_odoo_at timestamptz;
ALTER TABLE metric ADD COLUMN deleted_in_odoo_at timestamptz;
ALTER TABLE plan ADD COLUMN deleted_in_odoo_at timestamptz;
ALTER TABLE customer ADD COLUMN deleted_in_odoo_at timestamptz;
ALTER TABLE subscription ADD COLUMN deleted_in_odoo_at timestamptz;

-- An invoice or credit note as Odoo has it, which is what is billed. Amounts are in its
-- currency; a credit note's are positive. customers: external ids, of those whose
-- subscriptions are on it. lines: {description, quantity, amount, subscription, metric,
-- period_start, period_end, correction_of}, numbers and instants as text.
CREATE TABLE invoice (
    id                 bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id          uuid        NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    service_id         integer     NOT NULL REFERENCES service,
    odoo_id            integer     NOT NULL UNIQUE,
    customers          text[]      NOT NULL COLLATE "C",
    number             text,
    state              text        NOT NULL,
    payment_state      text,
    move_type          text        NOT NULL
                       CHECK (move_type IN ('out_invoice', 'out_refund')),
    invoice_date       date,
    due_date           date,
    period_start       timestamptz,
    period_end         timestamptz,
    currency           text        NOT NULL,
    untaxed            numeric     NOT NULL,
    tax                numeric     NOT NULL,
    total              numeric     NOT NULL,
    residual           numeric     NOT NULL,
    lines              jsonb       NOT NULL DEFAULT '[]',
    updated_at         timestamptz NOT NULL DEFAULT now(),
    deleted_in_odoo_at timestamptz
);
CREATE INDEX invoice_service ON invoice (service_id, odoo_id);
CREATE INDEX invoice_customers ON invoice USING gin (customers);

-- Whatever Odoo has a record of, by the names that rows use.
CREATE VIEW odoo_record AS
SELECT 'service' AS kind, id::bigint AS id, code AS service, code AS name, odoo_id,
       deleted_in_odoo_at
  FROM service
UNION ALL
SELECT 'metric', m.id, s.code, m.code, m.odoo_id, m.deleted_in_odoo_at
  FROM metric m JOIN service s ON s.id = m.service_id
UNION ALL
SELECT 'plan', p.id, s.code, p.code, p.odoo_id, p.deleted_in_odoo_at
  FROM plan p JOIN service s ON s.id = p.service_id
UNION ALL
SELECT 'customer', c.id, s.code, c.external_id, c.odoo_id, c.deleted_in_odoo_at
  FROM customer c JOIN service s ON s.id = c.service_id
UNION ALL
SELECT 'subscription', b.id, s.code, b.external_id, b.odoo_id, b.deleted_in_odoo_at
  FROM subscription b JOIN service s ON s.id = b.service_id
UNION ALL
SELECT 'invoice', i.id, s.code, i.odoo_id::text, i.odoo_id, i.deleted_in_odoo_at
  FROM invoice i JOIN service s ON s.id = i.service_id;

-- How many there are, and which, is asked after each pull.
CREATE INDEX customer_deleted ON customer (id) WHERE deleted_in_odoo_at IS NOT NULL;
CREATE INDEX subscription_deleted ON subscription (id)
 WHERE deleted_in_odoo_at IS NOT NULL;
CREATE INDEX invoice_deleted ON invoice (id) WHERE deleted_in_odoo_at IS NOT NULL;
