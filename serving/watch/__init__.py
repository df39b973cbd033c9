"""See how the service does: metrics, logs, traces, and how far the calls have drifted."""
