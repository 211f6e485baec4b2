-- Subscriptions as apps write them by Lago's names.

-- name: the app's own, "" for none. canceled_at: ended before its start.
ALTER TABLE subscription
    ADD COLUMN name        text        NOT NULL DEFAULT '',
    ADD COLUMN canceled_at timestamptz;
CREATE INDEX subscription_listed ON subscription (service_id, created_at, id);

-- A change of plan that is still to come. It is carried out when its time has come, and
-- any other change of plan before that takes its place.
CREATE TABLE plan_change (
    subscription_id bigint      PRIMARY KEY REFERENCES subscription ON DELETE CASCADE,
    plan_id         integer     NOT NULL REFERENCES plan,
    effective_at    timestamptz NOT NULL,
    asked_at        timestamptz NOT NULL
);
CREATE INDEX plan_change_due ON plan_change (effective_at);
CREATE INDEX plan_change_plan ON plan_change (plan_id);

-- What apps have been told of the subscriptions that they made or changed, so that
-- nothing is told a second time when it comes back from Odoo, or by the mere time.
CREATE TABLE told_subscription (
    subscription_id bigint PRIMARY KEY REFERENCES subscription ON DELETE CASCADE,
    status          text   NOT NULL CHECK (status IN
                    ('pending', 'active', 'terminated', 'canceled')),
    terms           jsonb  NOT NULL
);
CREATE INDEX told_subscription_open ON told_subscription (subscription_id)
 WHERE status IN ('pending', 'active');
CREATE INDEX subscription_ended ON subscription (ended_at) WHERE ended_at IS NOT NULL;

-- Where a subscription is in its life. Ends are whole seconds, rounded up: in the second
-- before its end it is over already, so that one that was ended now has ended.
CREATE FUNCTION subscription_status(
    started_at timestamptz, ended_at timestamptz, canceled_at timestamptz,
    instant timestamptz
) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN canceled_at IS NOT NULL AND ended_at <= started_at + interval '1 second'
        THEN 'canceled'
        WHEN ended_at <= instant + interval '1 second' THEN 'terminated'
        WHEN started_at > instant THEN 'pending'
        ELSE 'active'
    END
$$;

CREATE VIEW app_subscription AS
SELECT b.id, b.service_id, b.public_id, b.external_id, b.name,
       c.public_id AS customer_id, c.external_id AS customer, p.code AS plan, p.price,
       p.currency, p."interval" AS plan_interval,
       (SELECT q.code
          FROM plan_history h JOIN plan q ON q.id = h.plan_id
         WHERE h.subscription_id = b.id
         ORDER BY h.effective_at DESC OFFSET 1 LIMIT 1) AS previous_plan,
       n.code AS next_plan, w.effective_at AS next_plan_at, b.created_at,
       b.canceled_at, t."interval", t.anchor, t.timezone, t.started_at, t.ended_at,
       t.frozen_until, t.changed_at, t.changed_to
  FROM subscription b
  JOIN subscription_terms t ON t.id = b.id
  JOIN customer c ON c.id = b.customer_id
  JOIN plan p ON p.id = b.plan_id
  LEFT JOIN plan_change w ON w.subscription_id = b.id
  LEFT JOIN plan n ON n.id = w.plan_id;
