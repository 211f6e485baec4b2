"""What crosses a boundary: HTTP bodies, broker messages, Odoo rows, settings."""
