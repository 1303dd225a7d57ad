"""Where state lies: the home, artifacts, histories, known actions."""
