-- Properties of counters, and what is charged by them: filters, groups, events.

-- field_name: the property that holds an event's value; NULL: events have none, as count
-- needs none. filters: [{"key", "values"}], what charges may tell apart. dimensions: the
-- properties by which usage is kept apart, sorted: those of filters and of all groups.
ALTER TABLE metric
    ADD COLUMN field_name  text,
    ADD COLUMN description text   NOT NULL DEFAULT '',
    ADD COLUMN filters     jsonb  NOT NULL DEFAULT '[]',
    ADD COLUMN dimensions  text[] NOT NULL DEFAULT '{}' COLLATE "C";

-- fixed: per event over free_events, of a percentage charge. group_keys: properties by
-- whose values units are priced apart. filters, the first of the most keys that matches:
-- [{"id", "name", "values": {key: [value]}, "included", "price", "package_size",
-- "tiers", "fixed", "free_events", "group_keys"}], numbers as decimal strings.
ALTER TABLE charge
    ADD COLUMN display_name text    NOT NULL DEFAULT '',
    ADD COLUMN fixed        numeric NOT NULL DEFAULT 0 CHECK (fixed >= 0),
    ADD COLUMN free_events  bigint  NOT NULL DEFAULT 0 CHECK (free_events >= 0),
    ADD COLUMN group_keys   text[]  NOT NULL DEFAULT '{}',
    ADD COLUMN filters      jsonb   NOT NULL DEFAULT '[]';
ALTER TABLE charge_before
    ADD COLUMN display_name text    NOT NULL DEFAULT '',
    ADD COLUMN fixed        numeric NOT NULL DEFAULT 0,
    ADD COLUMN free_events  bigint  NOT NULL DEFAULT 0,
    ADD COLUMN group_keys   text[]  NOT NULL DEFAULT '{}',
    ADD COLUMN filters      jsonb   NOT NULL DEFAULT '[]';

CREATE OR REPLACE FUNCTION keep_charge() RETURNS trigger LANGUAGE plpgsql AS $$
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
    INSERT INTO charge_before (plan_id, metric_id, public_id, model, included, price,
                               package_size, tiers, minimum, valid_from, currency,
                               rounding, rounding_precision, display_name, fixed,
                               free_events, group_keys, filters, valid_until)
    VALUES (OLD.plan_id, OLD.metric_id, OLD.public_id, OLD.model, OLD.included,
            OLD.price, OLD.package_size, OLD.tiers, OLD.minimum, OLD.valid_from,
            OLD.currency, OLD.rounding, OLD.rounding_precision, OLD.display_name,
            OLD.fixed, OLD.free_events, OLD.group_keys, OLD.filters, changed_at)
    ON CONFLICT DO NOTHING;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    NEW.valid_from := changed_at;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION charges_at(plan integer, period_end timestamptz)
RETURNS SETOF charge LANGUAGE sql STABLE AS $$
    SELECT c.* FROM charge c
     WHERE c.plan_id = plan AND c.valid_from < period_end
    UNION ALL
    SELECT b.plan_id, b.metric_id, b.public_id, b.model, b.included, b.price,
           b.package_size, b.tiers, b.minimum, b.valid_from, b.currency, b.rounding,
           b.rounding_precision, b.display_name, b.fixed, b.free_events, b.group_keys,
           b.filters
      FROM charge_before b
     WHERE b.plan_id = plan AND b.valid_from < period_end
       AND b.valid_until >= period_end
$$;

-- What an app said besides the value, as an object; NULL: nothing. Parked, the value is
-- still among them.
ALTER TABLE counter ADD COLUMN properties jsonb;
ALTER TABLE counter_void ADD COLUMN properties jsonb;
ALTER TABLE counter_conflict ADD COLUMN properties jsonb;
ALTER TABLE parked_counter ADD COLUMN properties jsonb;
