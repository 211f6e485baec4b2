"""The Celery app and its tasks: fold batches, deliver webhooks, dead-letter."""
