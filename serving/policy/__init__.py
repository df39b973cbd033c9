"""The policy in force and its certificate."""
