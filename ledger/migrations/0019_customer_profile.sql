-- Customers as apps know them: what Odoo has no field for, and that they are gone.

-- profile: what an app said that Odoo has no field for, by Lago's names. deleted_at: the
-- app deleted it; what it used is billed all the same, and Odoo keeps the client.
ALTER TABLE customer
    ADD COLUMN profile    jsonb       NOT NULL DEFAULT '{}',
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN deleted_at timestamptz;
UPDATE customer SET created_at = updated_at;

-- Lists, the newest first.
CREATE INDEX customer_listed ON customer (service_id, created_at, id);
