-- A subscription that was canceled before its start has a life of one second, as none may
-- have less. That is no period to bill: a least amount would be charged for it.
CREATE FUNCTION keep_canceled_unbilled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF subscription_status(NEW.started_at, NEW.ended_at, NEW.canceled_at, now())
       = 'canceled'
    THEN
        NEW.freeze_due_at := NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER subscription_canceled BEFORE UPDATE ON subscription
    FOR EACH ROW WHEN (NEW.canceled_at IS NOT NULL AND NEW.frozen_until IS NULL)
    EXECUTE FUNCTION keep_canceled_unbilled();
UPDATE subscription SET canceled_at = canceled_at WHERE canceled_at IS NOT NULL;
