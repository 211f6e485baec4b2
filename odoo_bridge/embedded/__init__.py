"""A stand-in for Odoo 19: its wire protocols over the models that the bridge uses.

For trying things out and for tests. It is not Odoo: it has no accounting, no access
groups and one user. ``tests/contract`` holds it to the answers of a real server.
"""
