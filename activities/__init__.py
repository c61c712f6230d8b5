"""Steps: one file, one idempotent effect on one port."""
