"""The city's two lists, for whoever shows or checks types."""
