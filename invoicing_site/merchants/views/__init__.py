"""Where staff land, and what owners set up about the merchant."""
