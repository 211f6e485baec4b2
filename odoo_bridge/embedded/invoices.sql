-- The invoices' tables, run after schema.sql and as often.

CREATE TABLE IF NOT EXISTS account_move (
    id                serial PRIMARY KEY,
    name              varchar,
    move_type         varchar NOT NULL,
    state             varchar NOT NULL,
    partner_id        int4 REFERENCES res_partner ON DELETE RESTRICT,
    invoice_origin    varchar,
    amount_untaxed    float8,
    x_fc_service_id   int4 REFERENCES fusion_billing_service ON DELETE RESTRICT,
    x_fc_client_id    int4 REFERENCES res_partner ON DELETE RESTRICT,
    x_fc_period_start timestamp,
    x_fc_period_end   timestamp,
    create_uid        int4,
    create_date       timestamp,
    write_uid         int4,
    write_date        timestamp
);

ALTER TABLE account_move
    ADD COLUMN IF NOT EXISTS payment_state varchar NOT NULL DEFAULT 'not_paid',
    ADD COLUMN IF NOT EXISTS invoice_date date,
    ADD COLUMN IF NOT EXISTS invoice_date_due date,
    ADD COLUMN IF NOT EXISTS posted_before boolean DEFAULT false,
    ADD COLUMN IF NOT EXISTS access_token varchar,
    ADD COLUMN IF NOT EXISTS reversed_entry_id int4
        REFERENCES account_move ON DELETE SET NULL;

-- Posting gives a number and leaves its mark, whatever comes after, and opens the
-- portal's page.
CREATE OR REPLACE FUNCTION note_posted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.posted_before := coalesce(new.posted_before, false) OR new.state = 'posted';
    IF new.posted_before THEN
        IF coalesce(new.name, '/') IN ('/', '') THEN
            new.name := 'INV/' || lpad(new.id::varchar, 5, '0');
        END IF;
        new.access_token := coalesce(new.access_token, gen_random_uuid()::varchar);
    END IF;
    RETURN new;
END $$;
CREATE OR REPLACE TRIGGER move_posted
    BEFORE INSERT OR UPDATE OF state ON account_move
    FOR EACH ROW EXECUTE FUNCTION note_posted();

-- Closing a period twice, or twice at once, makes one invoice; a cancelled one makes
-- room for another.
CREATE UNIQUE INDEX IF NOT EXISTS account_move_x_fc_period_uniq
    ON account_move (x_fc_service_id, x_fc_client_id, x_fc_period_start,
                     x_fc_period_end)
    WHERE x_fc_service_id IS NOT NULL AND state <> 'cancel';

CREATE TABLE IF NOT EXISTS account_move_line (
    id            serial PRIMARY KEY,
    move_id       int4 NOT NULL REFERENCES account_move ON DELETE CASCADE,
    name          varchar,
    quantity      float8,
    price_unit    float8,
    x_fc_usage_id int4 REFERENCES fusion_billing_usage ON DELETE RESTRICT,
    create_uid    int4,
    create_date   timestamp,
    write_uid     int4,
    write_date    timestamp
);

CREATE INDEX IF NOT EXISTS account_move_line_x_fc_usage_idx
    ON account_move_line (x_fc_usage_id);
