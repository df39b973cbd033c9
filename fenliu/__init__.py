"""What training and serving must agree on: taxonomy, text, features, scorer, policy, bundle."""

__version__ = "0.1.0"
