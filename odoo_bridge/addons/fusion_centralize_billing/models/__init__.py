"""The addon's models, and its fields on Odoo's own."""

from . import exact_decimal
from . import service
from . import account_link
from . import metric
from . import plan
from . import charge
from . import usage
from . import usage_report
from . import webhook
from . import reconciliation
from . import res_partner
from . import sale_order
from . import account_move
from . import apply_catalog
from . import export_catalog
from . import read_horizon
from . import upsert_rollups
from . import export_usage
from . import store_findings
from . import close_period
from . import move_events
from . import order_events
from . import client_events
from . import due_events
from . import event_exchange
from . import bridge_check
