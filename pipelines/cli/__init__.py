"""The command line, `compression`: one command a module. Each imports what it needs when it runs."""
