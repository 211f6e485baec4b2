-- The ledger's first shape. Forward only: a later change is a later file.
-- Text keys compare bytewise (COLLATE "C"), so that "the greater transaction_id" means
-- the same in PostgreSQL and in Python.

CREATE TABLE service (
    id         integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text        NOT NULL UNIQUE,
    name       text        NOT NULL,
    mode       text        NOT NULL CHECK (mode IN ('shadow', 'live')),
    odoo_id    integer,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A key is shown once; here stay its SHA-256 and the prefix it is looked up by.
CREATE TABLE api_key (
    prefix      text        PRIMARY KEY,
    service_id  integer     NOT NULL REFERENCES service,
    secret_hash bytea       NOT NULL,
    scopes      text[]      NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);

-- The catalog, as last pulled from Odoo, which owns it.
CREATE TABLE metric (
    id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid        NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    service_id  integer     NOT NULL REFERENCES service,
    code        text        NOT NULL COLLATE "C",
    name        text        NOT NULL,
    aggregation text        NOT NULL
                CHECK (aggregation IN ('sum', 'max', 'last', 'unique')),
    unit        text        NOT NULL DEFAULT '',
    odoo_id     integer,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (service_id, code)
);

CREATE TABLE plan (
    id         integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  uuid        NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    service_id integer     NOT NULL REFERENCES service,
    code       text        NOT NULL COLLATE "C",
    name       text        NOT NULL,
    "interval" text        NOT NULL CHECK ("interval" IN
               ('weekly', 'monthly', 'quarterly', 'semiannual', 'yearly')),
    currency   text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    price      numeric     NOT NULL,
    odoo_id    integer,
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (service_id, code)
);

CREATE TABLE charge (
    plan_id      integer NOT NULL REFERENCES plan ON DELETE CASCADE,
    metric_id    integer NOT NULL REFERENCES metric,
    public_id    uuid    NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    model        text    NOT NULL CHECK (model IN
                 ('standard', 'package', 'graduated', 'volume', 'percentage')),
    included     numeric NOT NULL DEFAULT 0 CHECK (included >= 0),
    price        numeric NOT NULL DEFAULT 0,
    package_size numeric CHECK (package_size > 0),
    tiers        jsonb   NOT NULL DEFAULT '[]',
    PRIMARY KEY (plan_id, metric_id)
);

CREATE TABLE customer (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid        NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    service_id  integer     NOT NULL REFERENCES service,
    external_id text        NOT NULL COLLATE "C" CHECK (external_id <> ''),
    name        text        NOT NULL,
    email       text,
    odoo_id     integer,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (service_id, external_id)
);

CREATE TABLE subscription (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid        NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    service_id  integer     NOT NULL REFERENCES service,
    external_id text        NOT NULL COLLATE "C" CHECK (external_id <> ''),
    customer_id bigint      NOT NULL REFERENCES customer,
    plan_id     integer     NOT NULL REFERENCES plan,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz CHECK (ended_at > started_at),
    timezone    text        NOT NULL,
    anchor      text        NOT NULL CHECK (anchor IN ('calendar', 'anniversary')),
    odoo_id     integer,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (service_id, external_id)
);
CREATE INDEX subscription_customer ON subscription (customer_id);

-- One row per counter ever applied; its key is what P2 stands on. Appended, never edited.
-- No foreign keys: the fold has just read the rows they would check.
CREATE TABLE counter (
    subscription_id bigint      NOT NULL,
    metric_id       integer     NOT NULL,
    item_index      integer     NOT NULL,
    transaction_id  text        NOT NULL COLLATE "C",
    occurred_at     timestamptz NOT NULL,
    period_start    timestamptz NOT NULL,
    batch_id        uuid        NOT NULL,
    value           numeric,
    members         text[],
    PRIMARY KEY (subscription_id, metric_id, transaction_id),
    CHECK (num_nonnulls(value, members) = 1)
);

-- The distinct members of each period of a unique metric.
CREATE TABLE unique_member (
    subscription_id bigint      NOT NULL,
    metric_id       integer     NOT NULL,
    period_start    timestamptz NOT NULL,
    member          text        NOT NULL COLLATE "C",
    PRIMARY KEY (subscription_id, metric_id, period_start, member)
);

-- What a period's counters fold to. revision rises with each change; the bridge stores
-- the revision that Odoo has taken. The fill factor leaves room to update in place.
CREATE TABLE rollup (
    subscription_id     bigint      NOT NULL,
    metric_id           integer     NOT NULL,
    period_start        timestamptz NOT NULL,
    period_end          timestamptz NOT NULL CHECK (period_end > period_start),
    aggregation         text        NOT NULL,
    quantity            numeric     NOT NULL,
    counters            bigint      NOT NULL,
    last_at             timestamptz NOT NULL,
    last_transaction_id text        NOT NULL COLLATE "C",
    revision            bigint      NOT NULL DEFAULT 1,
    updated_at          timestamptz NOT NULL DEFAULT now(),
    pushed_revision     bigint      NOT NULL DEFAULT 0,
    push_attempts       integer     NOT NULL DEFAULT 0,
    push_after          timestamptz NOT NULL DEFAULT '-infinity',
    push_error          text,
    PRIMARY KEY (subscription_id, metric_id, period_start)
) WITH (fillfactor = 70);
CREATE INDEX rollup_dirty ON rollup (push_after)
    WHERE revision > pushed_revision;

-- Receipts. A batch's row is written by whoever comes first, the API after the broker
-- has confirmed or the worker; the message carries all that is needed.
CREATE TABLE batch (
    id          uuid        PRIMARY KEY,
    service_id  integer     NOT NULL REFERENCES service,
    state       text        NOT NULL
                CHECK (state IN ('queued', 'processing', 'done', 'dead')),
    received    integer     NOT NULL,
    applied     integer     NOT NULL DEFAULT 0,
    duplicate   integer     NOT NULL DEFAULT 0,
    conflict    integer     NOT NULL DEFAULT 0,
    rejected    integer     NOT NULL DEFAULT 0,
    parked      integer     NOT NULL DEFAULT 0,
    deliveries  integer     NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL,
    finished_at timestamptz,
    error       text,
    CONSTRAINT conservation CHECK (
        state <> 'done'
        OR received = applied + duplicate + conflict + rejected + parked
    )
) WITH (fillfactor = 70);
CREATE INDEX batch_service ON batch (service_id, received_at);
CREATE INDEX batch_waiting ON batch (received_at) WHERE state IN ('queued', 'processing');

-- The outcome of every item, a letter each: a(pplied) d(uplicate) c(onflict) r(ejected)
-- p(arked). One row per batch, since a row per item would double what a batch writes.
CREATE TABLE batch_outcome (
    batch_id        uuid   PRIMARY KEY REFERENCES batch,
    outcomes        text   NOT NULL CHECK (outcomes ~ '^[adcrp]+$'),
    transaction_ids text[] NOT NULL,
    reasons         jsonb  NOT NULL DEFAULT '{}',
    CHECK (length(outcomes) = cardinality(transaction_ids))
);

CREATE TABLE idempotency_key (
    service_id     integer     NOT NULL REFERENCES service,
    key            text        NOT NULL,
    request_digest bytea       NOT NULL,
    batch_id       uuid        NOT NULL,
    answer         jsonb,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (service_id, key)
);

-- Counters whose subscription or metric is not known yet (P6).
CREATE TABLE parked_counter (
    service_id               integer     NOT NULL REFERENCES service,
    external_subscription_id text        NOT NULL COLLATE "C",
    code                     text        NOT NULL COLLATE "C",
    transaction_id           text        NOT NULL COLLATE "C",
    timestamp_us             bigint      NOT NULL,
    value                    text,
    members                  text[],
    batch_id                 uuid        NOT NULL,
    item_index               integer     NOT NULL,
    reason                   text        NOT NULL,
    parked_at                timestamptz NOT NULL,
    PRIMARY KEY (service_id, external_subscription_id, code, transaction_id)
);

-- The same identity with another value or timestamp (P3): what came. What it contradicts
-- is in counter, or was parked before it; the external ids name it in both. value is the
-- text that came.
CREATE TABLE counter_conflict (
    service_id               integer     NOT NULL REFERENCES service,
    batch_id                 uuid        NOT NULL,
    item_index               integer     NOT NULL,
    external_subscription_id text        NOT NULL COLLATE "C",
    code                     text        NOT NULL COLLATE "C",
    transaction_id           text        NOT NULL COLLATE "C",
    occurred_at              timestamptz NOT NULL,
    value                    text,
    members                  text[],
    seen_at                  timestamptz NOT NULL,
    PRIMARY KEY (service_id, batch_id, item_index)
);

-- The outbox. message.body is the exact bytes that are signed and sent.
CREATE TABLE webhook_endpoint (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    service_id  integer     NOT NULL REFERENCES service,
    url         text        NOT NULL,
    secret      bytea       NOT NULL,
    event_types text[]      NOT NULL DEFAULT '{}',
    enabled     boolean     NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (service_id, url)
);
COMMENT ON COLUMN webhook_endpoint.secret IS 'encrypted with FUSION_SECRET_KEY (Fernet)';
COMMENT ON COLUMN webhook_endpoint.event_types IS 'empty: every type';

CREATE TABLE webhook_message (
    id         text        PRIMARY KEY,
    service_id integer     NOT NULL REFERENCES service,
    type       text        NOT NULL,
    body       bytea       NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE webhook_delivery (
    message_id    text        NOT NULL REFERENCES webhook_message,
    endpoint_id   uuid        NOT NULL REFERENCES webhook_endpoint,
    state         text        NOT NULL DEFAULT 'pending'
                  CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts      integer     NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL,
    lease_until   timestamptz,
    delivered_at  timestamptz,
    PRIMARY KEY (endpoint_id, message_id)
) WITH (fillfactor = 70);
CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE state = 'pending';

CREATE TABLE webhook_attempt (
    endpoint_id uuid        NOT NULL,
    message_id  text        NOT NULL,
    attempt     integer     NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    status      integer,
    outcome     text        NOT NULL,
    response    text        NOT NULL DEFAULT '',
    PRIMARY KEY (endpoint_id, message_id, attempt)
);

-- What cannot go on (P11). json, not jsonb: a payload is kept as it came, also with
-- characters that jsonb refuses.
CREATE TABLE dead_letter (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text        NOT NULL,
    service_id integer     REFERENCES service,
    source_id  text        NOT NULL,
    payload    json        NOT NULL,
    reason     text        NOT NULL,
    detail     text        NOT NULL,
    attempts   integer     NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen  timestamptz NOT NULL,
    UNIQUE (kind, source_id)
);

-- How far each kind of record has been pulled from Odoo, and how the last pull went.
CREATE TABLE odoo_sync (
    kind       text        PRIMARY KEY,
    synced_at  timestamptz,
    failed_at  timestamptz,
    error      text
);
