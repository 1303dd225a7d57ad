"""Where the time of a stage goes, operator by operator, beside what the machine could do."""
