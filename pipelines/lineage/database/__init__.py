"""The database of a tracking store itself: where what it names lies, what is wrong with it, a quick look into it."""
