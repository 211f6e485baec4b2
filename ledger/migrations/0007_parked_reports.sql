-- Counters that wait too long (P6): how far they have been reported, for each service.
-- Those parked up to reported_until have been; the next event may go out an hour after
-- reported_at. A row per service, since a mark on each counter would write all of them.
CREATE TABLE parked_report (
    service_id     integer     PRIMARY KEY REFERENCES service,
    reported_at    timestamptz NOT NULL DEFAULT '-infinity',
    reported_until timestamptz NOT NULL DEFAULT '-infinity'
);

-- Who waits since when: looked at every minute, and at each scrape of the metrics.
CREATE INDEX parked_counter_waiting ON parked_counter (service_id, parked_at);
