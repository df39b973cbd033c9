"""API keys: how machines prove who they are."""
