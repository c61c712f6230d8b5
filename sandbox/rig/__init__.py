"""A whole migration on one machine: storage emulator, simulated world behind its faces, and the app in its host."""
