-- When a metric came to be; of those that are there, their last change.
ALTER TABLE metric ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
UPDATE metric SET created_at = updated_at;
