-- Amounts of usage that apps are told of when a period's usage reaches them.

-- Rollups that changed, of subscriptions with thresholds: written in the transaction of
-- the change, taken away by the look at them. One of many may name the same period.
CREATE TABLE threshold_watch (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription_id bigint      NOT NULL,
    period_start    timestamptz NOT NULL
);

-- What was reached, and told unless the service was in shadow. level is the amount of
-- usage: of a recurring threshold there is a row for each. The key is why none is told
-- twice.
CREATE TABLE threshold_reached (
    subscription_id bigint      NOT NULL REFERENCES subscription ON DELETE CASCADE,
    period_start    timestamptz NOT NULL,
    threshold_id    text        NOT NULL,
    level           numeric     NOT NULL,
    usage_amount    numeric     NOT NULL,
    told            boolean     NOT NULL,
    reached_at      timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, period_start, threshold_id, level)
);

-- A service without thresholds costs its folds one look into it.
CREATE INDEX plan_with_thresholds ON plan (service_id) WHERE usage_thresholds <> '[]';

-- Of a plan's subscriptions the periods that are not over; of another's none.
CREATE FUNCTION watch_plan(plan integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO threshold_watch (subscription_id, period_start)
    SELECT DISTINCT r.subscription_id, r.period_start
      FROM plan p
      JOIN plan_history h ON h.plan_id = p.id
      JOIN rollup r ON r.subscription_id = h.subscription_id
     WHERE p.id = plan AND p.usage_thresholds <> '[]'
       AND r.frozen_at IS NULL AND r.period_end > now()
     ORDER BY r.subscription_id, r.period_start
$$;

CREATE FUNCTION watch_new_thresholds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM watch_plan(NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER plan_thresholds AFTER UPDATE OF usage_thresholds ON plan
    FOR EACH ROW WHEN (OLD.usage_thresholds IS DISTINCT FROM NEW.usage_thresholds)
    EXECUTE FUNCTION watch_new_thresholds();
