"""Files of tables as columns, some rows at a time."""
