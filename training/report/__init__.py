"""The evaluation report: tables for programs, and a page that people want to read."""
