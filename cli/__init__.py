"""The command line `bascule`: asks the app's HTTP API, and foretells batches; never deployed."""
