"""Groups, shared mailboxes, delegations and contacts: what five CSV files want, what the tenant has, what differs."""
