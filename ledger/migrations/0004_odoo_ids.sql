-- What a pull looks up: a record by Odoo's id, for each that is new; a plan's subscriptions.
CREATE INDEX customer_odoo ON customer (odoo_id);
CREATE INDEX subscription_odoo ON subscription (odoo_id);
CREATE INDEX subscription_plan ON subscription (plan_id);
