-- The probe model of the server that the transcripts were recorded on, and the records
-- that its calls name. Only the tests' stand-in has it.

CREATE TABLE fbc_probe (
    id          serial PRIMARY KEY,
    name        varchar NOT NULL,
    code        varchar CONSTRAINT fbc_probe_code_uniq UNIQUE,
    n_int       int4,
    n_float     float8,
    n_num       numeric(16, 6),
    d           date,
    dt          timestamp,
    parent_id   int4 CONSTRAINT fbc_probe_parent_id_fkey REFERENCES fbc_probe,
    currency_id int4,
    create_uid  int4,
    create_date timestamp,
    write_uid   int4,
    write_date  timestamp
);

-- The first record that the transcripts create is number 99.
SELECT setval('fbc_probe_id_seq', 98);

INSERT INTO res_partner (id, name, email, email_normalized, create_uid, create_date)
SELECT 1056 + n, 'Customer ' || n, 'cust' || n || '@example.com',
       'cust' || n || '@example.com', 2, '2026-11-23 03:09:57'
  FROM generate_series(0, 11) AS n;
