-- A rollup that Odoo refuses over and over is dead-lettered, and from then on tried once
-- a day; push_after has that day, push_revive_at when a changed revision is due instead.
-- A trigger, and nothing in the statements that change rollups: there are many, and none
-- may forget it. Its condition costs a fold one look at a column that is nearly always
-- null, and no index has it.
ALTER TABLE rollup ADD COLUMN push_revive_at timestamptz;

CREATE FUNCTION revive_rollup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.push_after := least(NEW.push_after, NEW.push_revive_at);
    NEW.push_revive_at := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER rollup_revived BEFORE UPDATE ON rollup
    FOR EACH ROW
    WHEN (NEW.push_revive_at IS NOT NULL AND NEW.revision > OLD.revision)
    EXECUTE FUNCTION revive_rollup();
