"""The product's ports, bound straight to the simulated world: no sockets, for contract tests and simulation."""
