"""Run by Odoo: ``--test-tags /fusion_centralize_billing``."""

from . import test_bridge_check
from . import test_exact_decimal
from . import test_apply_catalog
from . import test_parts
from . import test_clients
from . import test_changes
from . import test_upsert_rollups
from . import test_read_back
from . import test_findings
from . import test_rights
from . import test_companies
from . import test_close_period
from . import test_close_twice
from . import test_recurring
from . import test_export_invoices
from . import test_hst
from . import test_invoice_pdf
from . import test_shadow
from . import test_merge
from . import test_two_services
from . import test_views
from . import test_move_changes
from . import test_move_events
from . import test_subscription_events
from . import test_client_events
from . import test_event_exchange
