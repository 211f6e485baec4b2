-- Whether the bridge has something to push, as a column of its own: an index whose
-- predicate names revision makes every fold write a new entry into every index.
ALTER TABLE rollup
    ADD COLUMN dirty boolean NOT NULL
               GENERATED ALWAYS AS (revision > pushed_revision) STORED;
DROP INDEX rollup_dirty;
CREATE INDEX rollup_dirty ON rollup (push_after) WHERE dirty;
