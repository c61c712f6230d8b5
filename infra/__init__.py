"""What runs Bascule in Azure: templates, and the grants that templates cannot make."""
