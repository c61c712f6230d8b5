"""A migration off real Postfix, Dovecot and MariaDB, with mail that never stops and a verdict on every message."""
