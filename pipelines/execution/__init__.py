"""From an asset to an entry of its history."""
