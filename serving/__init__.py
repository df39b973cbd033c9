"""The service: one folder for each thing a user does, put together in `app`."""
