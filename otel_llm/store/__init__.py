"""The SQL store: one data model, in SQLite unless a URL names PostgreSQL."""
