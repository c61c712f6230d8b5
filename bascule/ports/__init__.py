"""What the steps ask of the world, as Protocols; their docstrings are the contract."""
