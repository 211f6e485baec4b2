-- What Lago's clients are told of an invoice besides what 0012 has.

-- public_id becomes Odoo's, which events name as well, as soon as Odoo tells it.
-- posted_before: a draft that was none, or a cancelled
-- one that was more. timezone: the company's, by whose day it falls due. settled: how
-- much of it credit notes have settled; of a credit note, how much it has settled.
-- reversed_id, reversed_number: of the invoice that a credit note is for.
-- taxes: {id, name, rate, amount}, numbers as text. Lines have more keys as well: id,
-- units, tax, tax_rate, product_code, product.
ALTER TABLE invoice
    ADD COLUMN created_at      timestamptz,
    ADD COLUMN posted_before   boolean NOT NULL DEFAULT false,
    ADD COLUMN timezone        text    NOT NULL DEFAULT 'UTC',
    ADD COLUMN settled         numeric NOT NULL DEFAULT 0,
    ADD COLUMN reversed_id     uuid,
    ADD COLUMN reversed_number text,
    ADD COLUMN access_token    text,
    ADD COLUMN taxes           jsonb   NOT NULL DEFAULT '[]';
