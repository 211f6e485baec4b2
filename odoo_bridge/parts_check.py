"""Whether the addon that answers knows all that the catalog may have by now."""

from odoo_bridge.called import SERVICE, lacks_parts
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooMisconfiguredError
from odoo_bridge.faults import one_line


def why_no_parts(client: OdooClient) -> str | None:
    """Why filters, groups and thresholds cannot be sent there; None: they can.

    An older addon takes rows without what it does not know, and answers them so: what
    an app made would be lost without a word. One call. Raises OdooError.
    """
    answer = client.repeat(SERVICE, "bridge_check")
    try:
        version = str(answer["addon"]["code"])
    except (KeyError, TypeError) as error:
        raise OdooMisconfiguredError(
            "bridge_check answered in another form; upgrade the addon in Odoo"
        ) from error
    return lacks_parts(one_line(version))
