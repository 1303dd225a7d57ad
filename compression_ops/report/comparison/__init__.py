"""What changed from one model to another, as tables, sentences and a page."""
