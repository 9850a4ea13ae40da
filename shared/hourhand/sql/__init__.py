"""The SQL of the schema: numbered migrations, functions, grants, and the script that applies them."""
