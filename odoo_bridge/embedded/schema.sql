-- The stand-in's tables. Run at every start: each statement may run twice.
-- Names of tables and columns are Odoo's; timestamps are UTC without a zone, as Odoo's.
-- Constraint names are those that catalog.py gives messages to.

CREATE TABLE IF NOT EXISTS res_users (
    id          serial PRIMARY KEY,
    login       varchar NOT NULL CONSTRAINT res_users_login_uniq UNIQUE,
    name        varchar NOT NULL,
    email       varchar,
    active      boolean DEFAULT true,
    partner_id  int4,
    create_uid  int4,
    create_date timestamp,
    write_uid   int4,
    write_date  timestamp
);

-- Only that a key exists and when it expires; the key itself is a setting.
CREATE TABLE IF NOT EXISTS res_users_apikeys (
    id              serial PRIMARY KEY,
    user_id         int4 NOT NULL REFERENCES res_users (id) ON DELETE CASCADE,
    index           varchar(8) NOT NULL,
    expiration_date timestamp,
    CONSTRAINT res_users_apikeys_uniq UNIQUE (user_id, index)
);

CREATE TABLE IF NOT EXISTS res_partner (
    id                serial PRIMARY KEY,
    name              varchar,
    email             varchar,
    email_normalized  varchar,
    phone             varchar,
    ref               varchar,
    comment           text,
    color             int4,
    is_company        boolean,
    active            boolean DEFAULT true,
    parent_id         int4 REFERENCES res_partner ON DELETE RESTRICT,
    x_fc_from_catalog boolean,
    create_uid        int4,
    create_date       timestamp,
    write_uid         int4,
    write_date        timestamp,
    CONSTRAINT res_partner_check_name CHECK (name IS NOT NULL)
);

-- Look-up of a client by e-mail.
CREATE INDEX IF NOT EXISTS res_partner_email_idx
    ON res_partner (lower(email_normalized));

-- Two catalogs that bring one new client at once make one partner: the second waits
-- here, fails with a serialization error, is tried again and finds the first's.
CREATE UNIQUE INDEX IF NOT EXISTS res_partner_x_fc_email_uniq
    ON res_partner (lower(email_normalized))
    WHERE x_fc_from_catalog AND active;

CREATE TABLE IF NOT EXISTS product_product (
    id           serial PRIMARY KEY,
    name         varchar NOT NULL,
    default_code varchar,
    active       boolean DEFAULT true,
    create_uid   int4,
    create_date  timestamp,
    write_uid    int4,
    write_date   timestamp
);

CREATE TABLE IF NOT EXISTS fusion_billing_service (
    id          serial PRIMARY KEY,
    code        varchar NOT NULL CONSTRAINT fusion_billing_service_code_uniq UNIQUE,
    name        varchar NOT NULL,
    mode        varchar NOT NULL,
    create_uid  int4,
    create_date timestamp,
    write_uid   int4,
    write_date  timestamp
);

CREATE TABLE IF NOT EXISTS fusion_billing_account_link (
    id          serial PRIMARY KEY,
    service_id  int4 NOT NULL REFERENCES fusion_billing_service ON DELETE RESTRICT,
    external_id varchar NOT NULL,
    partner_id  int4 NOT NULL REFERENCES res_partner ON DELETE RESTRICT,
    create_uid  int4,
    create_date timestamp,
    write_uid   int4,
    write_date  timestamp,
    CONSTRAINT fusion_billing_account_link_external_uniq
        UNIQUE (service_id, external_id)
);

ALTER TABLE fusion_billing_account_link
    ADD COLUMN IF NOT EXISTS revision int4 DEFAULT 0;

CREATE INDEX IF NOT EXISTS fusion_billing_account_link_partner_idx
    ON fusion_billing_account_link (partner_id);

CREATE TABLE IF NOT EXISTS fusion_billing_metric (
    id          serial PRIMARY KEY,
    service_id  int4 NOT NULL REFERENCES fusion_billing_service ON DELETE RESTRICT,
    code        varchar NOT NULL,
    name        varchar NOT NULL,
    aggregation varchar NOT NULL,
    unit        varchar,
    create_uid  int4,
    create_date timestamp,
    write_uid   int4,
    write_date  timestamp,
    CONSTRAINT fusion_billing_metric_code_uniq UNIQUE (service_id, code)
);

-- Columns later than their table, here and below, for databases that have it without.
ALTER TABLE fusion_billing_metric
    ADD COLUMN IF NOT EXISTS rounding varchar NOT NULL DEFAULT 'none',
    ADD COLUMN IF NOT EXISTS rounding_precision int4 NOT NULL DEFAULT 0
        CONSTRAINT fusion_billing_metric_precision_check CHECK (
            rounding_precision BETWEEN -30 AND 30
            AND (rounding <> 'none' OR rounding_precision = 0)
        );

ALTER TABLE fusion_billing_metric
    ADD COLUMN IF NOT EXISTS field_name  varchar,
    ADD COLUMN IF NOT EXISTS description text,
    ADD COLUMN IF NOT EXISTS filters     text,
    ADD COLUMN IF NOT EXISTS active      boolean DEFAULT true,
    ADD COLUMN IF NOT EXISTS revision    int4 DEFAULT 0;

CREATE TABLE IF NOT EXISTS fusion_billing_plan (
    id          serial PRIMARY KEY,
    service_id  int4 NOT NULL REFERENCES fusion_billing_service ON DELETE RESTRICT,
    plan_code   varchar NOT NULL,
    name        varchar NOT NULL,
    interval    varchar NOT NULL,
    currency    varchar NOT NULL,
    price       numeric NOT NULL,
    create_uid  int4,
    create_date timestamp,
    write_uid   int4,
    write_date  timestamp,
    CONSTRAINT fusion_billing_plan_code_uniq UNIQUE (service_id, plan_code),
    CONSTRAINT fusion_billing_plan_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT fusion_billing_plan_price_check
        CHECK (price > '-Infinity' AND price < 'Infinity')
);

ALTER TABLE fusion_billing_plan
    ADD COLUMN IF NOT EXISTS grace_hours int4 NOT NULL DEFAULT 48
        CONSTRAINT fusion_billing_plan_grace_check
        CHECK (grace_hours BETWEEN 0 AND 8760),
    ADD COLUMN IF NOT EXISTS description      text,
    ADD COLUMN IF NOT EXISTS usage_thresholds text,
    ADD COLUMN IF NOT EXISTS active           boolean DEFAULT true,
    ADD COLUMN IF NOT EXISTS revision         int4 DEFAULT 0;

CREATE TABLE IF NOT EXISTS fusion_billing_charge (
    id           serial PRIMARY KEY,
    plan_id      int4 NOT NULL REFERENCES fusion_billing_plan ON DELETE CASCADE,
    metric_id    int4 NOT NULL REFERENCES fusion_billing_metric ON DELETE RESTRICT,
    model        varchar NOT NULL,
    included     numeric,
    price        numeric,
    package_size numeric,
    tiers        text,
    create_uid   int4,
    create_date  timestamp,
    write_uid    int4,
    write_date   timestamp,
    CONSTRAINT fusion_billing_charge_metric_uniq UNIQUE (plan_id, metric_id),
    CONSTRAINT fusion_billing_charge_numbers_check CHECK (
        (included IS NULL OR (included > '-Infinity' AND included < 'Infinity'))
        AND (price IS NULL OR (price > '-Infinity' AND price < 'Infinity'))
        AND (package_size IS NULL
             OR (package_size > '-Infinity' AND package_size < 'Infinity'))
    )
);

ALTER TABLE fusion_billing_charge
    ADD COLUMN IF NOT EXISTS minimum numeric
        CONSTRAINT fusion_billing_charge_minimum_check
        CHECK (minimum >= 0 AND minimum < 'Infinity'),
    ADD COLUMN IF NOT EXISTS invoice_name varchar,
    ADD COLUMN IF NOT EXISTS fixed        numeric,
    ADD COLUMN IF NOT EXISTS free_events  numeric,
    ADD COLUMN IF NOT EXISTS group_keys   text,
    ADD COLUMN IF NOT EXISTS filters      text;

ALTER TABLE fusion_billing_charge
    DROP CONSTRAINT IF EXISTS fusion_billing_charge_events_check,
    ADD CONSTRAINT fusion_billing_charge_events_check CHECK (
        fixed >= 0 AND fixed < 'Infinity'
        AND free_events BETWEEN 0 AND 1000000000000000
        AND free_events = trunc(free_events)
    );

CREATE SEQUENCE IF NOT EXISTS sale_order_name_seq;

CREATE TABLE IF NOT EXISTS sale_order (
    id               serial PRIMARY KEY,
    name             varchar NOT NULL,
    partner_id       int4 NOT NULL REFERENCES res_partner ON DELETE RESTRICT,
    state            varchar NOT NULL,
    client_order_ref varchar,
    date_order       timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
    x_fc_service_id  int4 REFERENCES fusion_billing_service ON DELETE RESTRICT,
    x_fc_external_id varchar,
    x_fc_plan_id     int4 REFERENCES fusion_billing_plan ON DELETE RESTRICT,
    x_fc_started_at  timestamp,
    x_fc_ended_at    timestamp,
    x_fc_timezone    varchar,
    x_fc_anchor      varchar,
    create_uid       int4,
    create_date      timestamp,
    write_uid        int4,
    write_date       timestamp,
    CONSTRAINT sale_order_x_fc_external_uniq
        UNIQUE (x_fc_service_id, x_fc_external_id),
    CONSTRAINT sale_order_x_fc_ended_check CHECK (x_fc_ended_at > x_fc_started_at)
);

ALTER TABLE sale_order
    ADD COLUMN IF NOT EXISTS x_fc_account_link_id int4
        REFERENCES fusion_billing_account_link ON DELETE RESTRICT,
    ADD COLUMN IF NOT EXISTS x_fc_revision int4 DEFAULT 0;

CREATE TABLE IF NOT EXISTS fusion_billing_usage (
    id              serial PRIMARY KEY,
    subscription_id int4 NOT NULL REFERENCES sale_order ON DELETE RESTRICT,
    metric_id       int4 NOT NULL REFERENCES fusion_billing_metric ON DELETE RESTRICT,
    service_id      int4 NOT NULL REFERENCES fusion_billing_service ON DELETE RESTRICT,
    period_start    timestamp NOT NULL,
    period_end      timestamp NOT NULL,
    quantity        numeric NOT NULL,
    included        numeric,
    overage         numeric,
    amount          numeric,
    currency        varchar,
    revision        int4 NOT NULL,
    state           varchar NOT NULL,
    create_uid      int4,
    create_date     timestamp,
    write_uid       int4,
    write_date      timestamp,
    CONSTRAINT fusion_billing_usage_period_check CHECK (period_end > period_start),
    CONSTRAINT fusion_billing_usage_numbers_check CHECK (
        quantity > '-Infinity' AND quantity < 'Infinity'
        AND (included IS NULL OR (included > '-Infinity' AND included < 'Infinity'))
        AND (overage IS NULL OR (overage > '-Infinity' AND overage < 'Infinity'))
        AND (amount IS NULL OR (amount > '-Infinity' AND amount < 'Infinity'))
    )
);

-- A period's own row has no correction_of, which counts as a value like any other. The
-- index has the name of the constraint that databases had before there were corrections.
ALTER TABLE fusion_billing_usage
    ADD COLUMN IF NOT EXISTS correction_of timestamp,
    ADD COLUMN IF NOT EXISTS working text,
    DROP CONSTRAINT IF EXISTS fusion_billing_usage_key_uniq;
CREATE UNIQUE INDEX IF NOT EXISTS fusion_billing_usage_key_uniq
    ON fusion_billing_usage (subscription_id, metric_id, period_start, correction_of)
    NULLS NOT DISTINCT;

-- A difference that is found every night is one row.
CREATE TABLE IF NOT EXISTS fusion_billing_reconciliation (
    id           serial PRIMARY KEY,
    service_id   int4 NOT NULL REFERENCES fusion_billing_service ON DELETE RESTRICT,
    kind         varchar NOT NULL,
    level        varchar NOT NULL,
    subject      varchar NOT NULL,
    field        varchar,
    ledger_value varchar,
    odoo_value   varchar,
    usage_id     int4 REFERENCES fusion_billing_usage ON DELETE SET NULL,
    checked_at   timestamp NOT NULL,
    resolved     boolean,
    create_uid   int4,
    create_date  timestamp,
    write_uid    int4,
    write_date   timestamp,
    CONSTRAINT fusion_billing_reconciliation_key_uniq
        UNIQUE (service_id, kind, subject, field)
);

-- What is deleted from a plan, or moves to another, wrote on what is left, as the addon's
-- methods do; so does a link that goes, on its client's others.
CREATE OR REPLACE FUNCTION touch_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE fusion_billing_plan SET write_date = now() AT TIME ZONE 'UTC'
     WHERE id = old.plan_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER charge_gone
    AFTER DELETE OR UPDATE OF plan_id ON fusion_billing_charge
    FOR EACH ROW EXECUTE FUNCTION touch_plan();

CREATE OR REPLACE FUNCTION touch_links() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE fusion_billing_account_link SET write_date = now() AT TIME ZONE 'UTC'
     WHERE service_id = old.service_id AND partner_id = old.partner_id
       AND id <> old.id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER link_gone
    AFTER DELETE OR UPDATE OF partner_id, service_id ON fusion_billing_account_link
    FOR EACH ROW EXECUTE FUNCTION touch_links();

-- Odoo's settings; only the database's own id is used.
CREATE TABLE IF NOT EXISTS ir_config_parameter (
    id          serial PRIMARY KEY,
    key         varchar NOT NULL CONSTRAINT ir_config_parameter_key_uniq UNIQUE,
    value       text NOT NULL,
    create_uid  int4,
    create_date timestamp,
    write_uid   int4,
    write_date  timestamp
);

INSERT INTO ir_config_parameter (key, value)
VALUES ('database.uuid', gen_random_uuid()) ON CONFLICT DO NOTHING;

-- Odoo's own two users come first; the one with the key is made by app.py.
INSERT INTO res_users (id, login, name, active)
VALUES (1, '__system__', 'OdooBot', false), (2, 'admin', 'Administrator', true)
ON CONFLICT DO NOTHING;

SELECT setval('res_users_id_seq', greatest(4, (SELECT max(id) FROM res_users)));
