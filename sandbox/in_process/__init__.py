"""A whole migration in one process, without sockets and without waiting: the real stories and steps on the simulated world."""
