"""The world seen over real protocols: token endpoint, Graph, Exchange gateway, SMTP, IMAP."""
