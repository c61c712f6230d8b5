"""A small Azure Functions host with durable execution, for one machine and for tests."""
