"""The books: pure rules, migrations, SQL in .sql files, and what runs them."""
