"""What the addon adds to orders."""

from . import sale_order
