"""What a terminal, a pipe or a file is shown: characters, widths, tables and progress."""
