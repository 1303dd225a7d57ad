"""Searches over the fields of a recipe, by Optuna: trials that go through the action cache and change no history."""
