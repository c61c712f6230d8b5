"""A whole migration played on one machine: upload, coexistence, cutover, trouble, repair, rollback, proof."""
