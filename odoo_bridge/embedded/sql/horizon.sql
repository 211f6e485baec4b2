-- name: read_horizon
-- As the addon's, to the letter.
SELECT date_trunc('second', least(now(), (
           SELECT min(a.xact_start)
             FROM pg_stat_activity a
            WHERE a.datid = d.oid AND a.pid <> pg_backend_pid()
       ))) AT TIME ZONE 'UTC' AS horizon,
       (SELECT value
          FROM ir_config_parameter
         WHERE key = 'database.uuid') AS database,
       d.oid || '.' || 'fusion_billing_service'::regclass::oid AS incarnation,
       pg_snapshot_xmax(pg_current_snapshot())::text AS transaction
  FROM pg_database d
 WHERE d.datname = current_database();

-- name: read_timeline
-- Which promotion the server runs since: another one when a standby took over, which may
-- lack what was committed last, or when it was restored to an earlier moment.
SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8);
