"""Foretelling a batch: a sample of its mailboxes lives on the simulator, all of them queue for the endpoint's slots."""
