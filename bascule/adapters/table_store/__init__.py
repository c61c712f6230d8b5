"""The ledger, the journal and the boards in Azure Tables."""
