"""The form of the databases, revision by revision; ``store/migrate.py`` applies them."""
