"""Envelope encryption of source passwords: sealed rows, a data key per batch, a wrapping key outside storage."""
