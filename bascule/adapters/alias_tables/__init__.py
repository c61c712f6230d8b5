"""The alias map behind Postfix, in MySQL, MariaDB or SQLite."""
