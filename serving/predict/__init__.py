"""Decide on calls: the hot path of the service."""
