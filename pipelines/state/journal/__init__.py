"""What processes tell each other through a home: lines that are added, small texts, turns; in files, or a database."""
