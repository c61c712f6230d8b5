"""Who may knock: an uploaded batch, an HTTP request, the schedule."""
