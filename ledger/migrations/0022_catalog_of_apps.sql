-- What apps with the scope "catalog" make and change: sent to Odoo as their customers are.

-- archived: not for anything new; what is charged by it goes on.
ALTER TABLE metric ADD COLUMN archived boolean NOT NULL DEFAULT false;

-- usage_thresholds: [{"id", "amount", "recurring", "name"}], the amount a decimal string.
ALTER TABLE plan
    ADD COLUMN description      text    NOT NULL DEFAULT '',
    ADD COLUMN usage_thresholds jsonb   NOT NULL DEFAULT '[]',
    ADD COLUMN archived         boolean NOT NULL DEFAULT false;

ALTER TABLE local_change
    DROP CONSTRAINT local_change_kind_check,
    ADD CONSTRAINT local_change_kind_check
        CHECK (kind IN ('metric', 'plan', 'customer', 'subscription'));

-- Who charges a metric is asked before it changes.
CREATE INDEX charge_metric ON charge (metric_id);
