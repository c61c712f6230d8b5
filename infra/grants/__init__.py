"""Rights in Microsoft 365 for the app's identity, and the sign-in of its API; granted, checked and revoked from one list."""
