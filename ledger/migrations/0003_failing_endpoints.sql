-- Since when an endpoint's last attempt has been a failure; NULL when it was not, or
-- none was made. While it fails, the claim leaves it few places.
ALTER TABLE webhook_endpoint ADD COLUMN failing_since timestamptz;
