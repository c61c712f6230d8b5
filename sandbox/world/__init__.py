"""The simulated mail world: source, routing, tenant, migration service; one seed, one clock."""
