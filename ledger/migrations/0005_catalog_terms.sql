-- Terms of the catalog: counting counters, rounding, grace and a least amount. Each has
-- the default that an Odoo which does not know it yet stands for.
ALTER TABLE metric
    DROP CONSTRAINT metric_aggregation_check,
    ADD CONSTRAINT metric_aggregation_check
        CHECK (aggregation IN ('sum', 'max', 'last', 'unique', 'count')),
    ADD COLUMN rounding text NOT NULL DEFAULT 'none'
        CHECK (rounding IN ('none', 'round', 'ceil', 'floor')),
    ADD COLUMN rounding_precision integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN metric.rounding_precision IS
    'digits after the point; negative: tens, hundreds';

ALTER TABLE plan
    ADD COLUMN grace_hours integer NOT NULL DEFAULT 48 CHECK (grace_hours >= 0);

ALTER TABLE charge
    ADD COLUMN minimum numeric NOT NULL DEFAULT 0 CHECK (minimum >= 0);
COMMENT ON COLUMN charge.minimum IS
    'the least amount per period, in the currency of the plan';
