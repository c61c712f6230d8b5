"""The real thing behind each port."""
