"""The naive way, to measure against: one Celery task and one upsert per counter.

Stock Celery over stock kombu on the same durable Redis and PostgreSQL, with the options
that a careful person sets (acks_late), and a connection that each process keeps.
"""

import os
from functools import cache

import psycopg
from celery import Celery

QUEUE = "naive-counters"

app = Celery("naive", broker=os.environ.get("BROKER_URL"))
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_default_queue=QUEUE,
    worker_prefetch_multiplier=32,
    broker_connection_retry_on_startup=True,
)

SCHEMA = """
    CREATE SCHEMA IF NOT EXISTS naive;
    CREATE TABLE IF NOT EXISTS naive.counter (
        subscription text, metric text, transaction_id text, value numeric,
        PRIMARY KEY (subscription, metric, transaction_id));
    CREATE TABLE IF NOT EXISTS naive.rollup (
        subscription text, metric text, quantity numeric, counters bigint,
        PRIMARY KEY (subscription, metric));
"""

UPSERT = """
    WITH fresh AS (
        INSERT INTO naive.counter VALUES (%(s)s, %(m)s, %(t)s, %(v)s)
        ON CONFLICT DO NOTHING RETURNING 1)
    INSERT INTO naive.rollup AS r
    SELECT %(s)s, %(m)s, %(v)s, 1 FROM fresh
    ON CONFLICT (subscription, metric) DO UPDATE
       SET quantity = r.quantity + excluded.quantity, counters = r.counters + 1
"""


@cache
def _connection() -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(os.environ["DATABASE_URL"])


@app.task(name="naive.count")
def count(subscription: str, metric: str, transaction_id: str, value: str) -> None:
    """Count one counter."""
    row = {"s": subscription, "m": metric, "t": transaction_id, "v": value}
    with _connection().transaction():
        _connection().execute(UPSERT, row)
