"""Exchange Online through its admin gateway: the `Exchange` port over HTTPS."""

from bascule.adapters.exchange_online.exchange import ExchangeOnline
from bascule.adapters.exchange_online.gateway import ExchangeGateway

__all__ = ["ExchangeGateway", "ExchangeOnline"]
