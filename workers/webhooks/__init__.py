"""Webhook delivery: signing, dialling, one exchange, and the pump that drives them."""

from workers.webhooks.pumping import PumpSummary, pump

__all__ = ["PumpSummary", "pump"]
