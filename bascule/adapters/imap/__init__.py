"""Source mailboxes over IMAP."""
