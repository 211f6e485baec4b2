-- Retention: which file holds the counters of an archived period.

-- lines: what the file holds. counters: how many of them are deleted here by now, so
-- that at every moment they and those that are still here make up what was applied.
-- emptied_at: all of them are.
ALTER TABLE archive_file
    ADD COLUMN lines      bigint NOT NULL,
    ADD COLUMN emptied_at timestamptz,
    ADD CHECK (counters <= lines);

ALTER TABLE frozen_period
    ADD COLUMN archive_file_id bigint REFERENCES archive_file,
    ADD CHECK (num_nonnulls(archived_at, archive_file_id) IN (0, 2)),
    ADD CHECK (archived_at IS NULL OR seal IS NOT NULL);
CREATE INDEX frozen_period_archive
    ON frozen_period (archive_file_id, subscription_id, period_start)
    WHERE archive_file_id IS NOT NULL;
