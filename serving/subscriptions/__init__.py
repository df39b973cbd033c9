"""Other systems learn of decisions by webhook."""
