"""The supporting package: domain, ports, adapters, and the one place that joins them."""
