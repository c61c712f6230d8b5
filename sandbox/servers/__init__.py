"""The servers of an old mail host, as Debian packages them: MariaDB, Dovecot and Postfix on loopback, in a private folder."""
