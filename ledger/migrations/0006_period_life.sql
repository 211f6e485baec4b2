-- The life of a period: open, grace, frozen. What comes for a frozen one is a correction.

-- frozen_until: the end of its last frozen period; usage before it is late.
-- freeze_due_at: when the period after that may freeze; NULL: none will, unless something
-- comes late. created_at: what ended before was billed elsewhere.
ALTER TABLE subscription
    ADD COLUMN created_at    timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN frozen_until  timestamptz,
    ADD COLUMN freeze_due_at timestamptz DEFAULT '-infinity';
CREATE INDEX subscription_freeze_due ON subscription (service_id, freeze_due_at)
    WHERE freeze_due_at IS NOT NULL;

-- Which plan a subscription has from when on; a change cuts the period it falls in. The
-- first begins at '-infinity', wherever the subscription's start is moved to.
CREATE TABLE plan_history (
    subscription_id bigint      NOT NULL REFERENCES subscription ON DELETE CASCADE,
    effective_at    timestamptz NOT NULL,
    plan_id         integer     NOT NULL REFERENCES plan,
    PRIMARY KEY (subscription_id, effective_at)
);
CREATE INDEX plan_history_plan ON plan_history (plan_id);
INSERT INTO plan_history (subscription_id, effective_at, plan_id)
SELECT id, '-infinity', plan_id FROM subscription;

CREATE FUNCTION plan_at(subscription bigint, instant timestamptz) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT plan_id FROM plan_history
     WHERE subscription_id = subscription AND effective_at <= instant
     ORDER BY effective_at DESC LIMIT 1
$$;

-- A charge's older terms: a period that has ended by the time of a change is still billed
-- by the terms that it ended under; so its plan's currency and its metric's rounding
-- stand in it as well.
ALTER TABLE plan ADD COLUMN created_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE plan ALTER COLUMN created_at SET DEFAULT now();
ALTER TABLE charge
    ADD COLUMN valid_from         timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN currency           text,
    ADD COLUMN rounding           text,
    ADD COLUMN rounding_precision integer;
UPDATE charge c
   SET currency = p.currency, rounding = m.rounding,
       rounding_precision = m.rounding_precision
  FROM plan p, metric m
 WHERE p.id = c.plan_id AND m.id = c.metric_id;
ALTER TABLE charge
    ALTER COLUMN currency SET NOT NULL,
    ALTER COLUMN rounding SET NOT NULL,
    ALTER COLUMN rounding_precision SET NOT NULL;
CREATE TABLE charge_before (
    LIKE charge INCLUDING DEFAULTS,
    valid_until timestamptz NOT NULL,
    PRIMARY KEY (plan_id, metric_id, valid_until)
);

CREATE FUNCTION keep_charge() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed_at timestamptz;
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- Added to a plan that was there before: not for periods that have ended.
        IF (SELECT created_at < now() FROM plan WHERE id = NEW.plan_id) THEN
            NEW.valid_from := greatest(
                now(), (SELECT max(valid_until) FROM charge_before
                         WHERE plan_id = NEW.plan_id AND metric_id = NEW.metric_id));
        END IF;
        NEW.currency := (SELECT currency FROM plan WHERE id = NEW.plan_id);
        SELECT rounding, rounding_precision
          INTO NEW.rounding, NEW.rounding_precision
          FROM metric WHERE id = NEW.metric_id;
        RETURN NEW;
    END IF;
    -- Of two transactions the one that began first may change it last: versions still
    -- follow each other.
    changed_at := greatest(now(), OLD.valid_from);
    INSERT INTO charge_before SELECT OLD.*, changed_at ON CONFLICT DO NOTHING;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    NEW.valid_from := changed_at;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_charge BEFORE INSERT OR UPDATE OR DELETE ON charge
    FOR EACH ROW EXECUTE FUNCTION keep_charge();

CREATE FUNCTION pass_on_to_charges() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'plan' THEN
        UPDATE charge SET currency = NEW.currency WHERE plan_id = NEW.id;
    ELSE
        UPDATE charge
           SET rounding = NEW.rounding, rounding_precision = NEW.rounding_precision
         WHERE metric_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER plan_currency AFTER UPDATE OF currency ON plan
    FOR EACH ROW WHEN (OLD.currency <> NEW.currency)
    EXECUTE FUNCTION pass_on_to_charges();
CREATE TRIGGER metric_rounding AFTER UPDATE OF rounding, rounding_precision ON metric
    FOR EACH ROW WHEN ((OLD.rounding, OLD.rounding_precision)
                       IS DISTINCT FROM (NEW.rounding, NEW.rounding_precision))
    EXECUTE FUNCTION pass_on_to_charges();

-- A plan's charges for a period that ends then. Of two changes in one transaction the
-- first kept what was there before.
CREATE FUNCTION charges_at(plan integer, period_end timestamptz) RETURNS SETOF charge
LANGUAGE sql STABLE AS $$
    SELECT c.* FROM charge c
     WHERE c.plan_id = plan AND c.valid_from < period_end
    UNION ALL
    SELECT b.plan_id, b.metric_id, b.public_id, b.model, b.included, b.price,
           b.package_size, b.tiers, b.minimum, b.valid_from, b.currency, b.rounding,
           b.rounding_precision
      FROM charge_before b
     WHERE b.plan_id = plan AND b.valid_from < period_end
       AND b.valid_until >= period_end
$$;

-- late_in: the start of the period in which it is billed, when its own was frozen.
ALTER TABLE counter ADD COLUMN late_in timestamptz CHECK (late_in > period_start);

-- Counters that were taken back, as they were; appended, never edited. voided_in is the
-- period in which it stopped counting: a later one than its own makes a correction. By
-- 'terms' those that a changed start or end left outside the subscription's life;
-- restored_at: another change brought it back.
CREATE TABLE counter_void (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_id      integer     NOT NULL REFERENCES service,
    subscription_id bigint      NOT NULL,
    metric_id       integer     NOT NULL,
    transaction_id  text        NOT NULL COLLATE "C",
    occurred_at     timestamptz NOT NULL,
    period_start    timestamptz NOT NULL,
    late_in         timestamptz,
    batch_id        uuid        NOT NULL,
    item_index      integer     NOT NULL,
    value           numeric,
    members         text[],
    voided_in       timestamptz NOT NULL,
    voided_at       timestamptz NOT NULL,
    voided_by       text        NOT NULL,
    reason          text        NOT NULL,
    restored_at     timestamptz
);
CREATE INDEX counter_void_identity
    ON counter_void (subscription_id, metric_id, transaction_id);

CREATE FUNCTION refuse_void_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'counter_void is appended to and never edited';
END
$$;
CREATE TRIGGER counter_void_kept BEFORE UPDATE ON counter_void
    FOR EACH ROW WHEN (to_jsonb(OLD) - 'restored_at'
                       IS DISTINCT FROM to_jsonb(NEW) - 'restored_at')
    EXECUTE FUNCTION refuse_void_change();
CREATE TRIGGER counter_void_kept_delete BEFORE DELETE ON counter_void
    FOR EACH ROW EXECUTE FUNCTION refuse_void_change();

-- Every counter that ever counted: in the bills of which periods, from entered on, before
-- left (NULL: still).
CREATE VIEW counter_life AS
SELECT subscription_id, metric_id, transaction_id, occurred_at, period_start, batch_id,
       item_index, value, members, coalesce(late_in, period_start) AS entered,
       NULL::timestamptz AS left_in
  FROM counter
UNION ALL
SELECT subscription_id, metric_id, transaction_id, occurred_at, period_start, batch_id,
       item_index, value, members, coalesce(late_in, period_start), voided_in
  FROM counter_void;

-- period_start is the period in which a rollup is billed, usage_start the one in which
-- the usage was. Where they differ it is a correction: quantity is what the usage's
-- period comes to by now, base what was billed for it before. A rollup that is frozen has
-- its rating, and never changes again.
ALTER TABLE rollup
    ALTER COLUMN last_at DROP NOT NULL,
    ALTER COLUMN last_transaction_id DROP NOT NULL,
    ADD COLUMN usage_start timestamptz,
    ADD COLUMN base        numeric NOT NULL DEFAULT 0,
    ADD COLUMN frozen_at   timestamptz,
    ADD COLUMN amount      numeric,
    ADD COLUMN rating      jsonb;
UPDATE rollup SET usage_start = period_start;
ALTER TABLE rollup
    ALTER COLUMN usage_start SET NOT NULL,
    DROP CONSTRAINT rollup_pkey,
    ADD PRIMARY KEY (subscription_id, metric_id, period_start, usage_start),
    ADD CHECK (usage_start <= period_start),
    ADD CHECK (num_nonnulls(frozen_at, amount, rating) IN (0, 3));
CREATE INDEX rollup_usage
    ON rollup (subscription_id, metric_id, usage_start, period_start);

-- How the usage of a period was billed at last before this one.
CREATE FUNCTION prior_rating(
    subscription bigint, metric integer, usage timestamptz, period timestamptz
) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT rating FROM rollup
     WHERE subscription_id = subscription AND metric_id = metric
       AND usage_start = usage AND period_start < period
     ORDER BY period_start DESC LIMIT 1
$$;

CREATE FUNCTION refuse_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the rollup of subscription % metric % period % is frozen; what '
        'comes late belongs into a correction', OLD.subscription_id, OLD.metric_id,
        OLD.period_start;
END
$$;
CREATE TRIGGER rollup_frozen BEFORE UPDATE ON rollup
    FOR EACH ROW
    WHEN (OLD.frozen_at IS NOT NULL
          AND (OLD.period_end, OLD.aggregation, OLD.quantity, OLD.base, OLD.counters,
               OLD.last_at, OLD.last_transaction_id, OLD.frozen_at, OLD.amount,
               OLD.rating, OLD.subscription_id, OLD.metric_id, OLD.period_start,
               OLD.usage_start)
              IS DISTINCT FROM
              (NEW.period_end, NEW.aggregation, NEW.quantity, NEW.base, NEW.counters,
               NEW.last_at, NEW.last_transaction_id, NEW.frozen_at, NEW.amount,
               NEW.rating, NEW.subscription_id, NEW.metric_id, NEW.period_start,
               NEW.usage_start))
    EXECUTE FUNCTION refuse_frozen();
CREATE TRIGGER rollup_frozen_delete BEFORE DELETE ON rollup
    FOR EACH ROW WHEN (OLD.frozen_at IS NOT NULL) EXECUTE FUNCTION refuse_frozen();

-- seal: a hash over the period's bill, its counters and the seal before it. archived_at:
-- its counters are in a file, and no longer here.
CREATE TABLE frozen_period (
    subscription_id bigint      NOT NULL REFERENCES subscription,
    period_start    timestamptz NOT NULL,
    period_end      timestamptz NOT NULL CHECK (period_end > period_start),
    plan_id         integer     NOT NULL REFERENCES plan,
    currency        text        NOT NULL,
    frozen_at       timestamptz NOT NULL,
    counters_hash   bytea,
    seal            bytea,
    archived_at     timestamptz,
    PRIMARY KEY (subscription_id, period_start),
    CHECK (num_nonnulls(counters_hash, seal) IN (0, 2))
);
CREATE INDEX frozen_period_unsealed ON frozen_period (subscription_id, period_start)
    WHERE seal IS NULL;

-- What decides a subscription's periods; the plans after the first as two arrays.
CREATE VIEW subscription_terms AS
SELECT b.id, b.service_id, b.external_id, p."interval", b.anchor, b.timezone,
       b.started_at, b.ended_at, b.frozen_until,
       coalesce(changes.at, '{}') AS changed_at, coalesce(changes.to, '{}') AS changed_to
  FROM subscription b
  JOIN plan_history f
    ON f.subscription_id = b.id AND f.effective_at = '-infinity'
  JOIN plan p ON p.id = f.plan_id
 CROSS JOIN LATERAL (
     SELECT array_agg(c.effective_at ORDER BY c.effective_at) AS at,
            array_agg(q."interval" ORDER BY c.effective_at) AS to
       FROM plan_history c
       JOIN plan q ON q.id = c.plan_id
      WHERE c.subscription_id = b.id AND c.effective_at > '-infinity'
 ) AS changes;

-- A counter's value as a number, and as members, whichever it came as: a metric may have
-- been aggregated in another way when it came. A single member may be a number.
CREATE FUNCTION counter_number(value numeric, members text[]) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN value IS NOT NULL THEN value
        WHEN cardinality(members) = 1 AND members[1] ~ '^-?[0-9]+([.][0-9]+)?$'
        THEN members[1]::numeric
    END
$$;

CREATE FUNCTION counter_members(value numeric, members text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(members, ARRAY[trim_scale(value)::text])
$$;

-- Files of counters that were archived, and dropped here.
CREATE TABLE archive_file (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_id  integer     NOT NULL REFERENCES service,
    month       date        NOT NULL,
    file_name   text        NOT NULL,
    sha256      bytea       NOT NULL,
    counters    bigint      NOT NULL,
    archived_at timestamptz NOT NULL,
    UNIQUE (service_id, file_name)
);

-- Whether a period has any part in [first_day, day_after) of its timezone; NULL: always.
CREATE FUNCTION overlaps_days(
    period_start timestamptz, period_end timestamptz, timezone text, first_day date,
    day_after date
) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT first_day IS NULL
        OR (period_end > first_day::timestamp AT TIME ZONE timezone
            AND period_start < day_after::timestamp AT TIME ZONE timezone)
$$;
