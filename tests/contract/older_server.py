"""Stand-ins with an addon that is older than the bridge, or with none, as processes.

``python -m tests.contract.older_server none``: no addon; ``old``: no bridge_check.
"""

import os
import sys
from dataclasses import replace

from odoo_bridge.embedded.__main__ import Standin
from odoo_bridge.embedded.addon import addon_models
from odoo_bridge.embedded.models import Registry

SERVICE = "fusion.billing.service"


def models_of(kind: str) -> Registry:
    """The models of such an Odoo."""
    models = dict(addon_models())
    if kind == "none":
        return {name: each for name, each in models.items() if "fusion." not in name}
    service = models[SERVICE]
    kept = {n: m for n, m in service.methods.items() if n != "bridge_check"}
    return {**models, SERVICE: replace(service, methods=kept)}


if __name__ == "__main__":
    Standin(os.environ, models_of(sys.argv[1])).run()
